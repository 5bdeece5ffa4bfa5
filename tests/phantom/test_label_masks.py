"""Measures of labelled masks, against values worked out by hand."""

import numpy as np

from marrowscope.phantom.label_masks import measure_labels, touching_labels


def test_labels_are_measured_by_hand() -> None:
    labels = np.zeros((5, 6), np.uint16)
    labels[1:3, 1:3] = 1
    labels[3, 3] = 2  # touches the first by a corner
    labels[0, 5] = 3
    first, second, third, none = measure_labels(labels, 4)
    assert first == ((1, 1, 3, 3), 4, 2.0, 2.0)
    assert second == ((3, 3, 4, 4), 1, 3.5, 3.5)
    assert third == ((5, 0, 6, 1), 1, 5.5, 0.5)
    assert none[1] == 0
    assert touching_labels(labels) == {1, 2}


def test_the_centre_of_a_crescent_lies_on_it() -> None:
    labels = np.zeros((9, 9), np.uint16)
    labels[0], labels[:, 0], labels[8] = 1, 1, 1
    ((_, _, x, y),) = measure_labels(labels, 1)
    assert labels[int(y), int(x)] == 1
