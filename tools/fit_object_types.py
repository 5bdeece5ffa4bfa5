"""Fit the model of object types: synthetic fields and real cells go in, a YAML file comes out.

    python tools/fit_object_types.py CELLS --output object_types.yaml [--fields 64]

``CELLS`` is a folder in the layout of the public release (a folder for each class, 250×250 px at
0.08625 µm/px). Naked nuclei, smudges and debris come from synthetic fields, where all is known;
intact cells from these and from every second real one (the even-numbered of each class, the first
being number 0), so that no cell of a real patient is taken for a naked nucleus because it is drawn
otherwise than a synthetic one. The real cells that are left out show how well this is met.

The file that the package reads is src/marrowscope/detection/object_types.yaml.
"""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from marrowscope.detection.detector import locate_nuclei
from marrowscope.detection.logistic_model import LogisticModel, write_model
from marrowscope.detection.object_types import (
    CELL,
    DEBRIS,
    DENSE_CORE,
    DENSE_NAKED,
    NAKED,
    OUTCOME_NAMES,
    OUTCOMES,
    PALE_NAKED,
    SMUDGE,
    model_columns,
    ring_green_density,
)
from marrowscope.detection.rim_features import RIM_FEATURES, RimFeature
from marrowscope.io.image_decoding import decode
from marrowscope.morphology import BY_CODE, NOT_IDENTIFIABLE, CountRole
from marrowscope.phantom.appearance import Variant
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_field import PhantomField, draw_field
from marrowscope.preprocessing import MICRONS_PER_PIXEL
from marrowscope.stain import background_colour

# Weights of the classes in fields of what is easily mistaken.
_UNCLEAR: Mapping[str, float] = {"NIF": 1, "KSC": 1, "ART": 2}
_ROUND: Mapping[str, float] = {
    "LYT": 1, "LYI": 1, "HAC": 1, "PLM": 1, "EBO": 1, "PEB": 1, "BLA": 1, "NGS": 1,
}  # fmt: skip
_PAINTERS = {
    "smudge": SMUDGE, "crushed": SMUDGE, "strand": SMUDGE, "precipitate": DEBRIS, "debris": DEBRIS,
}  # fmt: skip
# A nucleus with so large a share of the cell is naked.
_NAKED_SHARE = 0.9
_SEED = 20_000
# A real cell that is lost weighs more than a smudge that is found.
_REAL_WEIGHT = 3.0
# Cameras differ in contrast: half of what is learned from is shown with less.
_PALER = (0.65, 1.0)

Sample = tuple[NDArray[np.float64], list[str]]


def object_type_of(code: str, variant: Variant) -> str | None:
    """Object type of a drawn cell; None where cytologists would not agree."""
    if variant.defect in ("blur", "dark"):
        return CELL  # intact, only that it cannot be identified
    if variant.painter in _PAINTERS:
        return _PAINTERS[variant.painter]
    if code == NOT_IDENTIFIABLE:
        return NAKED if variant.nucleus.share.mean >= _NAKED_SHARE else None
    return None if BY_CODE[code].role is CountRole.EXCLUDED else CELL


def true_object_type(field: PhantomField, library: CellLibrary, x: float, y: float) -> str | None:
    """Object type at a position of a field; None where nothing lies or it is not clear."""
    instance = int(field.cell_mask[round(y), round(x)])
    if not instance:
        return None
    code = str(field.cells["label"][instance - 1])
    return object_type_of(code, library.variant(code, field.numbers[instance - 1]))


def reduce_contrast(image: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """As a camera of less contrast shows it: densities against the background times ``share``."""
    white = background_colour(image)
    light = white * (np.maximum(image, 1) / white) ** np.float32(share)
    return np.clip(np.rint(light), 0, 255).astype(np.uint8)


def phantom_samples(fields: int) -> Iterator[Sample]:
    """Measures and object types in synthetic fields; pixel sizes are stated wrongly."""
    mixes = (
        FieldSettings(excluded=0.3),
        FieldSettings(composition=_UNCLEAR, excluded=0.6),
        FieldSettings(composition=_ROUND),
        FieldSettings(cells_per_mm2=5000, touching=0.5, excluded=0.1),
    )
    random = np.random.default_rng(0)
    for number in range(fields):
        if number % (2 * len(mixes)) == 0:
            library = CellLibrary(MICRONS_PER_PIXEL, _SEED + number)
        field = draw_field(mixes[number % len(mixes)], _SEED + number, library)
        stated = MICRONS_PER_PIXEL * random.uniform(0.85, 1.15)
        share = 1.0 if number % 2 else random.uniform(*_PALER)
        cells, measures = locate_nuclei(reduce_contrast(field.image, share), stated)
        whole = ~cells["touches_border"].to_numpy()
        kinds = [true_object_type(field, library, x, y) for x, y in cells.select("x", "y").rows()]
        known = whole & np.array([kind is not None for kind in kinds], dtype=bool)
        yield measures[known], [str(kinds[place]) for place in np.flatnonzero(known)]


def real_samples(
    folder: Path, left: int, share: float = 1.0
) -> Iterator[tuple[str, int, NDArray[np.float64]]]:
    """Code, number and measures of every second real cell.

    Args:
        folder: with a folder for each class.
        left: 0 for the even-numbered cells, 1 for the others.
        share: of the contrast that is left.
    """
    middle = 124.5
    for place in sorted(one for one in folder.iterdir() if one.is_dir() and one.name in BY_CODE):
        for number, path in list(enumerate(sorted(place.rglob("*.jpg"))))[left::2]:
            cells, measures = locate_nuclei(
                reduce_contrast(decode(path.read_bytes()), share), MICRONS_PER_PIXEL
            )
            if not cells.height:
                continue
            places = cells.select("x", "y").to_numpy()
            # The crop's border, near many a large cell, only hides some of its surroundings.
            yield place.name, number, measures[int(np.hypot(*(places - middle).T).argmin())]


def fit(drawn: Iterable[Sample], real: Iterable[NDArray[np.float64]]) -> LogisticModel:
    """Logistic regression; what has plain cytoplasm is left out, as no question is asked there.

    Args:
        drawn: measures and object types of synthetic things, which weigh as often as they occur.
        real: (M,) measures of intact real cells.
    """
    rows, outcomes, weights = [], [], []
    for kind, row in ((kind, row) for part in drawn for row, kind in zip(*part, strict=True)):
        rows.append(row)
        outcomes.append(_outcome(kind, row))
        weights.append(1.0)
    for row in real:
        rows.append(row)
        outcomes.append(0)
        weights.append(_REAL_WEIGHT)
    measures = np.array(rows)
    most = max(outcome.most_ring_green for outcome in OUTCOMES)
    asked = ring_green_density(measures) <= most
    columns = model_columns(measures[asked])
    mean, deviation = columns.mean(axis=0), columns.std(axis=0) + 1e-9
    model = LogisticRegression(C=1.0, max_iter=5000).fit(
        (columns - mean) / deviation, np.array(outcomes)[asked], np.array(weights)[asked]
    )
    return LogisticModel(
        RIM_FEATURES, mean, deviation, model.coef_, model.intercept_, OUTCOME_NAMES
    )


def _outcome(object_type: str, measures: NDArray[np.float64]) -> int:
    """Row of the outcome in the model."""
    if object_type == NAKED:
        dense = measures[RimFeature.CORE_RED] > DENSE_CORE
        return OUTCOME_NAMES.index(DENSE_NAKED if dense else PALE_NAKED)
    return OUTCOME_NAMES.index(object_type)


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("cells", type=Path, help="folder of real cells, one folder for each class")
    parser.add_argument("--output", type=Path, required=True, help="YAML file to write")
    parser.add_argument("--fields", type=int, default=64, help="synthetic fields to learn from")
    options = parser.parse_args()
    real = [
        measures
        for share in (1.0, _PALER[0])
        for code, _, measures in real_samples(options.cells, 0, share)
        if BY_CODE[code].role is CountRole.COUNTED
    ]
    model = fit(phantom_samples(options.fields), real)
    write_model(model, options.output, "Made by 'python tools/fit_object_types.py'; do not edit.")


if __name__ == "__main__":
    main()
