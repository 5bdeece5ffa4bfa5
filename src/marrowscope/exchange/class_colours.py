"""Colour of a class in files for other tools: the hue of its lineage, dark to light by maturation.

Reports colour by lineage and write the code beside each box; in other tools the colour is all that
tells a blast from a neutrophil, so every class has a shade of its own.
"""

from functools import cache

from marrowscope.morphology import BY_CODE, CLASSES, LINEAGE_COLOURS

_DARKEST, _LIGHTEST = 0.45, 0.6  # share of black in the first class, of white in the last


def class_colour(code: str) -> tuple[int, int, int] | None:
    """Red, green and blue, 0 to 255; None for a class of a user's own scheme."""
    return _shades().get(code)


def as_hex(colour: tuple[int, int, int]) -> str:
    """As ``#rrggbb``."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


@cache
def _shades() -> dict[str, tuple[int, int, int]]:
    found = {}
    for lineage, base in LINEAGE_COLOURS.items():
        codes = [cell.code for cell in CLASSES if cell.lineage is lineage]
        for place, code in enumerate(codes):
            part = place / (len(codes) - 1) * (_DARKEST + _LIGHTEST) - _DARKEST
            end, share = (255, part) if part > 0 else (0, -part)
            red, green, blue = (
                round(value + (end - value) * share)
                for value in (int(base[start : start + 2], 16) for start in (1, 3, 5))
            )
            found[code] = (red, green, blue)
    return {code: found[code] for code in BY_CODE}
