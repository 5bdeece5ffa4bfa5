"""What a synthetic field holds: numbers that are checked before it is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass

from marrowscope.errors import InputError
from marrowscope.phantom.camera import ImagingStyle
from marrowscope.preprocessing import MICRONS_PER_PIXEL

FIELD_WIDTH, FIELD_HEIGHT = 2452, 2056  # px, the camera of the study (Matek et al. 2021)


@dataclass(frozen=True)
class FieldSettings:
    """What a field holds.

    Attributes:
        width, height: px.
        microns_per_pixel: pixel size; the area in µm follows from it.
        composition: name of a mix (``composition.names()``) or weights per class code.
        cells_per_mm2: nucleated cells per mm²; 2,500 are about 94 in a field of the study. What
            does not fit is left out: above about 6,000 fewer are drawn than asked for.
        touching: share of the nucleated cells that touch another one.
        overlap: depth to which touching cells overlap, share of the smaller radius.
        excluded: share of smudges, naked nuclei and other artefacts among the nucleated.
        red: layers of red cells: 0.1 sparse, 0.4 single layer, 1 and more thick.
        platelets_per_mm2, dirt_per_mm2: platelets, specks of stain.
        particles, fat_holes: expected number in the field.
        out_of_focus: share of the field that is out of focus.
        stain_gradient: relative change of all stains from one side of the field to the other.
        vignetting: relative loss of light in the corners.
        light_gradient: relative change of the light across the field.
        style: stain and light; drawn from the seed when not given.
    """

    width: int = FIELD_WIDTH
    height: int = FIELD_HEIGHT
    microns_per_pixel: float = MICRONS_PER_PIXEL
    composition: str | Mapping[str, float] = "normal"
    cells_per_mm2: float = 2500.0
    touching: float = 0.3
    overlap: float = 0.12
    excluded: float = 0.06
    red: float = 0.4
    platelets_per_mm2: float = 300.0
    dirt_per_mm2: float = 1500.0
    particles: float = 0.0
    fat_holes: float = 0.0
    out_of_focus: float = 0.0
    stain_gradient: float = 0.0
    vignetting: float = 0.06
    light_gradient: float = 0.03
    style: ImagingStyle | None = None


def validate_settings(settings: FieldSettings, seed: int) -> None:
    """Refuse settings out of range.

    Raises:
        InputError: naming the setting.
    """
    if seed < 0:
        raise InputError(f"`seed` {seed}: must be 0 or more")
    for name, low, high in (
        ("width", 64, 20000),
        ("height", 64, 20000),
        ("microns_per_pixel", 0.04, 1.0),
        ("cells_per_mm2", 0, 20000),
        ("touching", 0, 0.9),
        ("overlap", 0, 0.4),
        ("excluded", 0, 1),
        ("red", 0, 4),
        ("platelets_per_mm2", 0, 20000),
        ("dirt_per_mm2", 0, 1e6),
        ("particles", 0, 20),
        ("fat_holes", 0, 200),
        ("out_of_focus", 0, 1),
        ("stain_gradient", -0.9, 0.9),
        ("vignetting", 0, 0.8),
        ("light_gradient", -0.8, 0.8),
    ):
        value = getattr(settings, name)
        if not low <= value <= high:
            raise InputError(f"`{name}` {value}: must be from {low:g} to {high:g}")
