"""The settings of the augmentation: what may be changed in an image, by how much."""

from dataclasses import dataclass, fields

from marrowscope.errors import InputError


@dataclass(frozen=True)
class AugmentationSettings:
    """Ranges of the augmentation; the defaults are the study's.

    Every quantity is drawn uniformly and independently for each image.

    Attributes:
        rotation_degrees: clockwise rotation in [0, rotation_degrees].
        flip_horizontal, flip_vertical: mirror with probability 1/2.
        shift: translation of each axis in ±shift, as a share of the image side.
        shear: horizontal shear in ±shear: the displacement of the top and bottom rows against
            each other, as a share of the image side.
        zoom: magnification in [1 - zoom, 1 + zoom]. The study has none.
        stain_scale: factor of each stain's concentration in 1 ± stain_scale (Tellez et al. 2018,
            sigma of alpha; default 0.2).
        stain_shift: offset of each stain's concentration in ±stain_shift, in units of optical
            density (Tellez et al. 2018, sigma of beta; default 0.2).
        light: offset of the optical density of each colour channel in ±light: lamp and white
            balance. The study has none.
        fill: what lies outside the image: ``reflect`` or ``border`` (repeat the edge). The
            study does not say; we reflect.
    """

    rotation_degrees: float = 180.0
    flip_horizontal: bool = True
    flip_vertical: bool = True
    shift: float = 0.25
    shear: float = 0.2
    zoom: float = 0.0
    stain_scale: float = 0.2
    stain_shift: float = 0.2
    light: float = 0.0
    fill: str = "reflect"

    def __post_init__(self) -> None:
        limits = {
            "rotation_degrees": 360.0,
            "shift": 0.5,
            "shear": 1.0,
            "zoom": 0.9,
            "stain_scale": 1.0,
            "stain_shift": 2.0,
            "light": 2.0,
        }
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in limits and not 0 <= value <= limits[field.name]:
                raise InputError(
                    f"augmentation: {field.name} is {value}; "
                    f"expected a number from 0 to {limits[field.name]:g}"
                )
        if self.fill not in ("reflect", "border"):
            raise InputError(f"augmentation: fill is {self.fill!r}; expected reflect or border")
