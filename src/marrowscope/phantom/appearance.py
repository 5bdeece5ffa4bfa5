"""How each class looks: a table of numbers, read from ``appearance.yaml`` and checked once.

Lengths are in µm. Concentrations are optical densities (natural log) along a unit stain vector:
``azure`` the blue-violet haematoxylin-like stain, ``eosin`` the pink one, ``pigment`` what is
orange by itself or by strong acidophilia (haemoglobin, eosinophil granules).

The numbers follow textbook cytology (cell size, nuclear share, chromatin, granules) and the
densities measured in public images; they are not fitted, and nothing is copied from an image.
"""

import dataclasses
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np
import yaml


@dataclass(frozen=True)
class Spread:
    """A quantity that varies between cells: normal, cut at ±2.2 sd and at zero."""

    mean: float = 0.0
    sd: float = 0.0

    def draw(self, rng: np.random.Generator) -> float:
        """One value, >= 0. A number is drawn even without spread, so that streams stay aligned."""
        step = min(max(float(rng.standard_normal()), -2.2), 2.2)
        return max(0.0, self.mean + self.sd * step)


@dataclass(frozen=True)
class Nucleus:
    """Outline and stain of the nucleus.

    Attributes:
        share: area of the nucleus over the area of the cell.
        aspect: length of the nuclear axis over its thickness; 0 is a disc.
        bend: angle in radians through which that axis turns: kidney, band, horseshoe.
        lobes: numbers of lobes to choose from.
        pinch: how far the axis is constricted between lobes, 0 to 1.
        offset: how far the nucleus lies towards the cell border, 0 to 1.
        roughness: irregularity of the outline, µm.
        azure, eosin, pigment: mean concentrations.
        grain: size of chromatin clumps, µm.
        contrast: relative density difference between clumps and the rest.
        clumping: 0 smooth transitions, 1 sharp blocks.
        rim: condensation along the nuclear membrane.
        spokes: strength of a cartwheel of peripheral clumps.
        nucleoli: expected number of nucleoli.
        nucleolus_radius: µm.
    """

    share: Spread = Spread(0.5, 0.05)
    aspect: Spread = Spread(0.1, 0.1)
    bend: Spread = Spread(0.3, 0.2)
    lobes: tuple[int, ...] = (1,)
    pinch: Spread = Spread()
    offset: Spread = Spread(0.3, 0.2)
    roughness: Spread = Spread(0.12, 0.05)
    azure: Spread = Spread(1.2, 0.12)
    eosin: Spread = Spread(1.6, 0.18)
    pigment: Spread = Spread()
    grain: Spread = Spread(0.6, 0.08)
    contrast: Spread = Spread(0.15, 0.03)
    clumping: float = 0.3
    rim: Spread = Spread(0.1, 0.04)
    spokes: Spread = Spread()
    nucleoli: float = 0.0
    nucleolus_radius: Spread = Spread(0.8, 0.2)


@dataclass(frozen=True)
class Cytoplasm:
    """Stain of the cytoplasm.

    Attributes:
        azure, eosin, pigment: mean concentrations.
        mottle: relative unevenness.
        rim: extra azure along the cell border.
        hof: strength of the pale Golgi zone beside the nucleus, 0 to 1.
        vacuoles: expected number; vacuole_radius in µm.
    """

    azure: Spread = Spread(0.4, 0.08)
    eosin: Spread = Spread(0.1, 0.03)
    pigment: Spread = Spread()
    mottle: Spread = Spread(0.12, 0.04)
    rim: Spread = Spread(0.15, 0.08)
    hof: Spread = Spread()
    vacuoles: float = 0.0
    vacuole_radius: Spread = Spread(0.45, 0.15)


@dataclass(frozen=True)
class Granules:
    """One population of granules.

    Attributes:
        density: granules per µm² of cell area.
        radius: µm.
        azure, eosin, pigment: peak concentrations that a granule adds.
        over_nucleus: share of the granules above the nucleus that are seen, 0 to 1.
    """

    density: Spread
    radius: Spread
    azure: Spread = Spread()
    eosin: Spread = Spread()
    pigment: Spread = Spread()
    over_nucleus: float = 0.1


@dataclass(frozen=True)
class Variant:
    """One look that a class can have.

    Attributes:
        weight: share of the class's cells that look so, relative to the other variants.
        painter: which painter draws it: ``cell`` or one of those in ``unusual``.
        diameter: µm. elongation: long over short axis, minus 1. roughness: outline, µm.
        blebs: expected number of cytoplasmic buds at the border.
        hairs: expected number of fine projections; hair_length in µm.
        rods: expected number of Auer rods.
        defect: what makes it unidentifiable. Another class is drawn, then spoilt: ``blur``,
            ``dark``, ``cover`` (by other cells), ``edge`` (it lies at the border of the patch).
            This look is drawn out of focus: ``unfocused``. Or ``None``.
    """

    weight: float = 1.0
    painter: str = "cell"
    diameter: Spread = Spread(12.0, 1.0)
    elongation: Spread = Spread(0.08, 0.06)
    roughness: Spread = Spread(0.12, 0.06)
    nucleus: Nucleus = Nucleus()
    cytoplasm: Cytoplasm = Cytoplasm()
    granules: tuple[Granules, ...] = ()
    blebs: float = 0.0
    hairs: float = 0.0
    hair_length: Spread = Spread(1.2, 0.4)
    rods: float = 0.0
    defect: str | None = None


@cache
def appearances() -> dict[str, tuple[Variant, ...]]:
    """The variants of every class, keyed by class code, in the order of the file."""
    text = resources.files(__package__).joinpath("appearance.yaml").read_text(encoding="utf-8")
    return {
        code: tuple(
            _build(Variant, entry, f"{code}[{place}]") for place, entry in enumerate(variants)
        )
        for code, variants in yaml.safe_load(text)["classes"].items()
    }


def choose_variant(variants: tuple[Variant, ...], rng: np.random.Generator) -> Variant:
    """One variant, by weight."""
    edges = np.cumsum([variant.weight for variant in variants])
    place = int(np.searchsorted(edges, float(rng.random()) * edges[-1], side="right"))
    return variants[min(place, len(variants) - 1)]


def _build(kind: type[Any], entry: dict[str, Any], where: str) -> Any:
    """A dataclass from a mapping; a misspelt key or a wrong value names its place."""
    hints = get_type_hints(kind)
    unknown = set(entry) - {field.name for field in dataclasses.fields(kind)}
    if unknown:
        raise ValueError(f"appearance.yaml: {where}: unknown {', '.join(sorted(unknown))}")
    return kind(
        **{name: _value(hints[name], value, f"{where}.{name}") for name, value in entry.items()}
    )


def _value(hint: Any, value: Any, where: str) -> Any:
    if hint is Spread:
        mean, sd = value if isinstance(value, list) else (value, 0.0)
        return Spread(float(mean), float(sd))
    if dataclasses.is_dataclass(hint):
        return _build(hint, value, where)  # type: ignore[arg-type]  # a class, not an instance
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        return tuple(_value(inner, item, f"{where}[{i}]") for i, item in enumerate(value))
    if hint is float:
        return float(value)
    return value
