"""Named mixes of classes."""

import pytest

from marrowscope.morphology import CODES
from marrowscope.phantom.composition import class_mix, composition_names


def test_named_compositions_hold_known_classes() -> None:
    assert "normal" in composition_names()
    for name in composition_names():
        own = class_mix(name)
        assert set(own.cells) | set(own.excluded) <= set(CODES)
        assert own.cell_edges[-1] == pytest.approx(1)
