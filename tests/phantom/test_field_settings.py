"""Settings of a field are checked before anything is drawn."""

import pytest

from marrowscope.errors import InputError
from marrowscope.phantom.field_settings import FieldSettings, validate_settings


@pytest.mark.parametrize(
    ("name", "value", "limits"),
    [
        ("width", 10, "must be from 64 to 20000"),
        ("touching", 1.5, "must be from 0 to 0.9"),
        ("microns_per_pixel", 0.0, "must be from 0.04 to 1"),
        ("cells_per_mm2", float("nan"), "must be from 0 to 20000"),
    ],
)
def test_a_setting_out_of_range_is_named_with_its_limits(
    name: str, value: float, limits: str
) -> None:
    with pytest.raises(InputError, match=f"^`{name}` {value}: {limits}$"):
        validate_settings(FieldSettings(**{name: value}), 1)  # type: ignore[arg-type]


def test_the_usual_settings_are_in_range_and_a_seed_below_0_is_not() -> None:
    validate_settings(FieldSettings(), 0)
    with pytest.raises(InputError, match="`seed` -1: must be 0 or more"):
        validate_settings(FieldSettings(), -1)
