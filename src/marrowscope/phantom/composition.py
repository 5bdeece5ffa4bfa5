"""Which classes a phantom holds: named mixes from ``compositions.yaml``, or a user's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import yaml

from marrowscope.errors import InputError
from marrowscope.morphology import BY_CODE, CODES, CountRole


@dataclass(frozen=True)
class ClassMix:
    """Codes and cumulative probabilities of what is a cell, and of what is not."""

    cells: tuple[str, ...]
    cell_edges: tuple[float, ...]
    excluded: tuple[str, ...]
    excluded_edges: tuple[float, ...]

    def draw(self, excluded_share: float, rng: np.random.Generator) -> str:
        """One class code; ``excluded_share`` in [0, 1] is the share of smudges and artefacts."""
        which, place = rng.random(2).tolist()
        if self.excluded and (which < excluded_share or not self.cells):
            return self.excluded[_find(self.excluded_edges, place)]
        return self.cells[_find(self.cell_edges, place)]


def composition_names() -> tuple[str, ...]:
    """Names of the compositions that come along."""
    return tuple(_file())


def class_mix(composition: str | Mapping[str, float]) -> ClassMix:
    """The mix of a named composition, or of weights per class code.

    Raises:
        InputError: an unknown name or code, a negative weight, or no cell at all.
    """
    if isinstance(composition, str):
        if composition not in _file():
            raise InputError(f"`composition` {composition}: is not one of {', '.join(_file())}")
        weights: Mapping[str, float] = _file()[composition]
    else:
        weights = composition
    for code, weight in weights.items():
        if code not in CODES:
            raise InputError(
                f"`composition`: {code} is not one of the 21 classes {' '.join(CODES)}"
            )
        if not 0 <= weight < np.inf:
            raise InputError(f"`composition`: the weight of {code} is {weight}; expected 0 or more")
    out = [code for code in CODES if BY_CODE[code].role is CountRole.EXCLUDED]
    cells = {c: w for c, w in weights.items() if w > 0 and c not in out}
    excluded = {c: w for c, w in weights.items() if w > 0 and c in out}
    if not cells and not excluded:
        raise InputError(
            "`composition`: holds no cells; give a weight above 0 to at least one class"
        )
    return ClassMix(tuple(cells), _edges(cells), tuple(excluded), _edges(excluded))


@cache
def _file() -> dict[str, dict[str, float]]:
    text = resources.files(__package__).joinpath("compositions.yaml").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, float]] = yaml.safe_load(text)["compositions"]
    return loaded


def _edges(weights: Mapping[str, float]) -> tuple[float, ...]:
    sums = np.cumsum(list(weights.values()))
    return tuple((sums / sums[-1]).tolist()) if len(sums) else ()


def _find(edges: tuple[float, ...], place: float) -> int:
    return min(int(np.searchsorted(edges, place, side="right")), len(edges) - 1)
