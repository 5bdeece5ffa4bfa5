"""A logistic model read from a YAML file that names its columns: standardized columns to shares.

Two outcomes: one row of weights and the logistic function. More: a row for each and the softmax
(Cox 1966). The file says which column each weight belongs to; on reading these names are compared
with what the program measures, so that weights never meet another column than their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.io.atomic import replacing


@dataclass(frozen=True)
class LogisticModel:
    """Logistic regression on standardized columns.

    Attributes:
        columns: (C) names.
        mean, deviation: (C,).
        weights: (C,) with two outcomes, (outcomes, C) with more.
        bias: (), or (outcomes,); added to the weighted sums.
        outcomes: names of the rows of ``weights``; empty with two outcomes.
    """

    columns: tuple[str, ...]
    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    outcomes: tuple[str, ...] = ()

    def likelihood(self, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        """How likely each outcome is, from (N, C).

        Returns:
            With two outcomes (N,) in [0, 1], how likely the second is; with more (N, outcomes),
            rows that sum to 1.
        """
        standard = (columns - self.mean) / self.deviation
        odds = standard @ self.weights.T + self.bias
        likelihood: NDArray[np.float64]
        if self.weights.ndim == 1:
            likelihood = 1.0 / (1.0 + np.exp(-np.clip(odds, -60.0, 60.0)))
        else:
            shares = np.exp(odds - odds.max(axis=1, keepdims=True))
            likelihood = shares / shares.sum(axis=1, keepdims=True)
        return likelihood


def read_model(
    source: str | Path, columns: Sequence[str], outcomes: Sequence[str] = ()
) -> LogisticModel:
    """Read a model.

    Args:
        source: name of a file of this package, or a path.
        columns: names of the columns that it will be given, in their order.
        outcomes: the same of its outcomes.

    Raises:
        InputError: the file has other columns or outcomes, or another order of them, or numbers
            are missing.
    """
    place = source if isinstance(source, Path) else files("marrowscope.detection") / source
    content = yaml.safe_load(place.read_text(encoding="utf-8"))
    for key, expected in (("columns", columns), ("outcomes", outcomes)):
        _require_same_names(str(source), key, content.get(key, []), expected)
    mean, deviation, weights, bias = (
        np.array(content[name], dtype=np.float64)
        for name in ("mean", "deviation", "weights", "bias")
    )
    rows = (len(outcomes),) if outcomes else ()
    shape = (*rows, len(columns))
    if weights.shape != shape or bias.shape != rows:
        raise InputError(f"{source}: weights for {len(columns)} columns are not complete")
    if mean.shape != deviation.shape or mean.shape != (len(columns),):
        raise InputError(f"{source}: means or deviations of {len(columns)} columns are missing")
    return LogisticModel(tuple(columns), mean, deviation, weights, bias, tuple(outcomes))


def _require_same_names(source: str, key: str, found: list[str], expected: Sequence[str]) -> None:
    if len(found) != len(expected):
        raise InputError(
            f"{source}: {len(found)} {key}, expected {len(expected)}; fit the model again"
        )
    for place, (own, name) in enumerate(zip(found, expected, strict=True)):
        if own != name:
            raise InputError(
                f"{source}: {key} {place} is '{own}', expected '{name}'; fit the model again"
            )


def write_model(model: LogisticModel, path: Path, note: str) -> None:
    """Write a model as YAML, numbers with seven digits; ``note`` is its first line, a comment."""
    content = {
        "columns": list(model.columns),
        **({"outcomes": list(model.outcomes)} if model.outcomes else {}),
        **{
            name: _rounded(getattr(model, name))
            for name in ("mean", "deviation", "weights", "bias")
        },
    }
    with replacing(path) as temporary:
        temporary.write_text(
            f"# {note}\n" + yaml.safe_dump(content, sort_keys=False, default_flow_style=None),
            encoding="utf-8",
        )


def _rounded(values: NDArray[np.float64]) -> float | list[float] | list[list[float]]:
    if values.ndim > 1:
        return [[float(f"{value:.7g}") for value in row] for row in values]
    if values.ndim == 1:
        return [float(f"{value:.7g}") for value in values]
    return float(f"{values:.7g}")
