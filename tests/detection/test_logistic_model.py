"""Weights belong to named columns: written, read, and refused where the names differ."""

import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from marrowscope.detection import lobe_grouping, object_types
from marrowscope.detection.logistic_model import LogisticModel, read_model, write_model
from marrowscope.detection.rim_features import RIM_FEATURES
from marrowscope.errors import InputError

FOLDER = Path(object_types.__file__).parent
SHIPPED = {
    object_types.WEIGHTS: (RIM_FEATURES, object_types.OUTCOME_NAMES),
    lobe_grouping.WEIGHTS: (lobe_grouping.COLUMNS, ()),
}


def rewritten(folder: Path, name: str, key: str, names: list[str]) -> Path:
    content = yaml.safe_load((FOLDER / name).read_text())
    content[key] = names
    path = folder / name
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("name", SHIPPED)
def test_two_swapped_columns_are_refused_by_name(name: str, tmp_path: Path) -> None:
    columns, outcomes = SHIPPED[name]
    swapped = [columns[1], columns[0], *columns[2:]]
    path = rewritten(tmp_path, name, "columns", swapped)
    with pytest.raises(InputError, match=f"columns 0 is '{columns[1]}', expected '{columns[0]}'"):
        read_model(path, columns, outcomes)
    assert read_model(FOLDER / name, columns, outcomes).columns == columns


def test_two_swapped_outcomes_are_refused(tmp_path: Path) -> None:
    columns, outcomes = SHIPPED[object_types.WEIGHTS]
    path = rewritten(tmp_path, object_types.WEIGHTS, "outcomes", [*reversed(outcomes)])
    with pytest.raises(InputError, match="outcomes 0 is 'debris', expected 'cell'"):
        read_model(path, columns, outcomes)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_file_without_names_or_with_a_column_too_few_is_refused(
    name: str, tmp_path: Path
) -> None:
    columns, outcomes = SHIPPED[name]
    for names in ([], list(columns[:-1])):
        path = rewritten(tmp_path, name, "columns", names)
        with pytest.raises(InputError, match=f"{len(names)} columns, expected {len(columns)}"):
            read_model(path, columns, outcomes)


def test_missing_weights_are_refused(tmp_path: Path) -> None:
    model = LogisticModel(("a", "b"), np.zeros(2), np.ones(2), np.ones(3), np.array(0.0))
    write_model(model, tmp_path / "model.yaml", "with a weight too many")
    with pytest.raises(InputError, match="weights for 2 columns are not complete"):
        read_model(tmp_path / "model.yaml", ("a", "b"))


@given(
    weights=st.lists(st.floats(-3, 3), min_size=2, max_size=2),
    bias=st.floats(-3, 3),
    row=st.lists(st.floats(-5, 5), min_size=2, max_size=2),
)
def test_one_row_of_weights_is_the_logistic_function(
    weights: list[float], bias: float, row: list[float]
) -> None:
    mean, deviation = np.array([0.5, -1.0]), np.array([2.0, 0.5])
    model = LogisticModel(("a", "b"), mean, deviation, np.array(weights), np.array(bias))
    odds = bias + weights[0] * (row[0] - 0.5) / 2 + weights[1] * (row[1] + 1) / 0.5
    expected = 1 / (1 + math.exp(-odds)) if abs(odds) < 60 else float(odds > 0)
    assert model.likelihood(np.array([row]))[0] == pytest.approx(expected, abs=1e-12)


def test_several_rows_are_the_softmax(tmp_path: Path) -> None:
    weights = np.array([[0.0], [1.0], [-2.0]])
    model = LogisticModel(
        ("a",), np.zeros(1), np.ones(1), weights, np.zeros(3), ("none", "up", "down")
    )
    write_model(model, tmp_path / "model.yaml", "three outcomes")
    read = read_model(tmp_path / "model.yaml", ("a",), ("none", "up", "down"))
    odds = [math.exp(x) for x in (0.0, 0.7, -1.4)]
    expected = [odd / sum(odds) for odd in odds]
    np.testing.assert_allclose(read.likelihood(np.array([[0.7]]))[0], expected, rtol=1e-12)
