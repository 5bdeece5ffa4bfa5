"""The look of each class, read from appearance.yaml."""

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import yaml


@dataclass(frozen=True)
class Appearance:
    """See appearance.yaml for the meaning and the units of every field."""

    size: tuple[float, float]
    nucleus: str
    nc: float
    offset: float
    chromatin: tuple[float, float]
    azure: float
    nucleoli: float
    cytoplasm: tuple[float, float]
    lobes: tuple[int, int] = (1, 1)
    granules: tuple[tuple[float, float, float, float], ...] = ()
    extras: dict[str, float] = field(default_factory=dict)


@cache
def appearances() -> dict[str, Appearance]:
    """Appearance by class code."""
    text = files("marrowscope.phantom").joinpath("appearance.yaml").read_text("utf-8")
    result = {}
    for code, values in yaml.safe_load(text).items():
        values["granules"] = tuple(tuple(kind) for kind in values.get("granules", ()))
        for name in ("size", "chromatin", "cytoplasm", "lobes"):
            if name in values:
                values[name] = tuple(values[name])
        result[code] = Appearance(**values)
    return result
