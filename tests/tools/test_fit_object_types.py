"""Fitting the model of object types: what it learns from, and what it learns."""

from pathlib import Path

import numpy as np
import pytest
from fit_object_types import fit, object_type_of

from marrowscope.detection.logistic_model import read_model, write_model
from marrowscope.detection.object_types import (
    CELL,
    DEBRIS,
    DENSE_NAKED,
    NAKED,
    OBJECT_TYPES,
    OUTCOME_NAMES,
    PALE_NAKED,
    SMUDGE,
    model_columns,
)
from marrowscope.detection.rim_features import RIM_FEATURES, RimFeature
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.preprocessing import MICRONS_PER_PIXEL


def test_a_model_learns_to_part_what_is_apart(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    naked, smudge, debris, cell = (
        np.clip(random.normal(0.1 + 0.15 * number, 0.01, (40, len(RIM_FEATURES))), 0, None)
        for number in range(4)
    )
    drawn = [(naked, [NAKED] * 40), (smudge, [SMUDGE] * 40), (debris, [DEBRIS] * 40)]
    dense = naked.copy()
    dense[:, RimFeature.CORE_RED] = 2.2
    model = fit([*drawn, (dense, [NAKED] * 40)], list(cell))
    write_model(model, tmp_path / "model.yaml", "fitted for a test")
    model = read_model(tmp_path / "model.yaml", RIM_FEATURES, OUTCOME_NAMES)
    measures = np.concatenate([cell, naked, smudge, debris, dense])
    best = model.likelihood(model_columns(measures)).argmax(axis=1)
    names = (CELL, PALE_NAKED, SMUDGE, DEBRIS, DENSE_NAKED)
    expected = np.repeat([OUTCOME_NAMES.index(name) for name in names], 40)
    assert (best == expected).mean() > 0.95


@pytest.fixture(scope="module")
def library() -> CellLibrary:
    return CellLibrary(MICRONS_PER_PIXEL, 31)


def test_variants_of_the_synthetic_cells_have_an_object_type(library: CellLibrary) -> None:
    found = {object_type_of(code, library.variant(code, number))
             for code in ("NIF", "KSC", "ART", "LYT") for number in range(40)}  # fmt: skip
    assert found == {*OBJECT_TYPES, None}
    assert object_type_of("LYT", library.variant("LYT", 0)) == CELL
    assert object_type_of("KSC", library.variant("KSC", 0)) == SMUDGE
