"""Measurements of label masks: boxes, areas, centres, who touches whom."""

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.uint16]
Measure = tuple[tuple[int, int, int, int], int, float, float]


def measure_labels(labels: Labels, count: int) -> list[Measure]:
    """Box (x0, y0, x1, y1; half open), area in px and centre (x, y) of the labels 1 to ``count``.

    Coordinates are those of pixel corners: the first pixel's centre is (0.5, 0.5). The centre is
    the centre of gravity, or the nearest point of the mask where that lies outside of it. A label
    that does not occur has area 0.
    """
    rows, columns = np.nonzero(labels)
    values = labels[rows, columns].astype(np.int64)
    area = np.bincount(values, minlength=count + 1)
    low = np.full((2, count + 1), np.iinfo(np.int64).max)
    high = np.full((2, count + 1), -1)
    for axis, places in enumerate((columns, rows)):
        np.minimum.at(low[axis], values, places)
        np.maximum.at(high[axis], values, places)
    safe = np.maximum(area, 1)
    x = np.bincount(values, columns + 0.5, count + 1) / safe
    y = np.bincount(values, rows + 0.5, count + 1) / safe
    found: list[Measure] = []
    for label in range(1, count + 1):
        if area[label] == 0:
            found.append(((0, 0, 0, 0), 0, 0.0, 0.0))
            continue
        (x0, y0), (x1, y1) = low[:, label].tolist(), (high[:, label] + 1).tolist()
        at = float(x[label]), float(y[label])
        if labels[int(at[1]), int(at[0])] != label:
            down, across = np.nonzero(labels[y0:y1, x0:x1] == label)
            away = (across + x0 + 0.5 - at[0]) ** 2 + (down + y0 + 0.5 - at[1]) ** 2
            nearest = int(np.argmin(away))
            at = float(across[nearest] + x0 + 0.5), float(down[nearest] + y0 + 0.5)
        found.append(((x0, y0, x1, y1), int(area[label]), *at))
    return found


def touching_labels(labels: Labels) -> set[int]:
    """Labels that have a pixel of another label among their eight neighbours."""
    known: set[int] = set()
    height, width = labels.shape
    for down, across in ((0, 1), (1, 0), (1, 1), (1, -1)):
        left = max(0, -across), width - max(0, across)
        first = labels[: height - down, left[0] : left[1]]
        second = labels[down:, left[0] + across : left[1] + across]
        meet = (first != second) & (first > 0) & (second > 0)
        known |= set(np.unique(first[meet]).tolist()) | set(np.unique(second[meet]).tolist())
    return known
