"""The calibration of a bundle: how its probabilities become honest ones, and when it says nothing.

Kept as ``calibration.json`` beside the weights that it was measured for.
"""

import json
import math
import os
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.io.json_data import JsonError, parse_json
from marrowscope.models.bundle import CALIBRATION, Bundle, read_part
from marrowscope.models.card import is_printable, texts_in
from marrowscope.models.novelty import Novelty, novelty_from_dict

FORMAT = 1
MAX_BYTES = 4_000_000
_RANGES = {"temperature": (0.01, 100.0), "coverage": (0.0, 1.0), "risk": (0.0, 1.0)}


@dataclass(frozen=True)
class Calibration:
    """What held-out cells say of a classifier's probabilities.

    Attributes:
        weights_sha256: of the weights that it is for.
        source: which cells it was measured on.
        cells: how many.
        temperature: T of p ∝ p^(1/T); above 1 the classifier was too sure of itself.
        coverage: share of each class that its prediction sets hold.
        least: per class the least probability with which it is in the set; 0 = always, where there
            were too few held-out cells to say.
        risk: share of errors that is accepted among called cells.
        no_call: confidence below which no class is called; None where the risk cannot be kept.
        held_out: answers by true class, as ``differential.held_out`` has them.
        measured: what the same procedure reached on cells that it was not fitted to.
        novelty: by which cells unlike anything known are told; None in calibrations of earlier
            versions, and where there were too few cells for it.
    """

    weights_sha256: str
    source: str
    cells: int
    temperature: float
    coverage: float
    least: dict[str, float]
    risk: float
    no_call: float | None
    held_out: dict[str, Any]
    measured: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT
    novelty: Novelty | None = None

    def encoded(self) -> bytes:
        """As stored in a bundle."""
        content = asdict(self)
        if self.novelty is None:  # then earlier versions can read it, too
            del content["novelty"]
        text = json.dumps(content, ensure_ascii=False, allow_nan=False)
        return (text + "\n").encode()


def read_calibration(bundle: Bundle) -> Calibration | None:
    """The calibration of a bundle; None when it has none.

    Raises:
        InputError: it is damaged, makes no sense, or was made for other weights.
    """
    folder = bundle.folder
    if folder is None or not os.path.lexists(folder / CALIBRATION):
        return None
    path = folder / CALIBRATION
    try:
        content = parse_json(read_part(folder, CALIBRATION, MAX_BYTES))
    except JsonError as error:
        raise InputError(
            f"{path}: not JSON ({error}); run 'marrowscope model calibrate' again"
        ) from None
    problem = _problem(content, bundle.card.known)
    if problem:
        raise InputError(f"{path}: {problem}; run 'marrowscope model calibrate' again")
    if content["weights_sha256"] != bundle.card.weights_sha256:
        raise InputError(
            f"{path}: was made for other weights; run 'marrowscope model calibrate' again"
        )
    if "novelty" in content:
        found = novelty_from_dict(content["novelty"], bundle.card.known)
        if isinstance(found, str):
            raise InputError(f"{path}: {found}; run 'marrowscope model calibrate' again")
        content = {**content, "novelty": found}
    return Calibration(**content)


def _problem(content: Any, known: tuple[str, ...]) -> str | None:
    if not isinstance(content, dict) or repr(content.get("format")) != repr(FORMAT):
        return "is no calibration of this version"
    names = {one.name for one in fields(Calibration)}
    wrong = (names ^ set(content)) - {"novelty"}
    if wrong:
        return f"field {sorted(wrong)[0]} is missing or unknown"
    for name, (low, high) in _RANGES.items():
        if not _is_number(content[name], low, high):
            return f"{name} is out of range"
    if content["no_call"] is not None and not _is_number(content["no_call"], 0.0, 1.0):
        return "no_call is out of range"
    if type(content["cells"]) is not int or content["cells"] < 1:
        return "cells is no number of cells"
    if not all(isinstance(content[name], str) for name in ("weights_sha256", "source")):
        return "a text is missing"
    if not all(isinstance(content[name], dict) for name in ("least", "held_out", "measured")):
        return "a table is missing"
    if not all(is_printable(text) for text in texts_in(content)):
        return "a text holds control characters"
    least = content["least"]
    if not set(least) <= set(known) or not all(_is_number(p, 0.0, 1.0) for p in least.values()):
        return "least has an unknown class or is out of range"
    if len(least) < len(known):
        return "least lacks a class that the model knows"
    return None


def _is_number(value: Any, low: float, high: float) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and low <= value <= high


def tempered(probabilities: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """p^(1/T), summing to 1 again (Guo et al., ICML 2017, on log-probabilities).

    The order of the classes stays, and what is impossible (0) stays impossible.

    Args:
        probabilities: (N, C), rows sum to 1; rows that are not finite stay as they are.
        temperature: T > 0.
    """
    largest = probabilities.max(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        raised = (probabilities.astype(np.float64) / largest) ** (1.0 / temperature)
        result: NDArray[np.float32] = (raised / raised.sum(axis=1, keepdims=True)).astype(
            np.float32
        )
    return result
