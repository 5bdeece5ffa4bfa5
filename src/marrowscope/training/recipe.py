"""A YAML file → a recipe: everything that decides how a network is trained."""

from dataclasses import asdict, dataclass, field, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from marrowscope.augment import AugmentationSettings
from marrowscope.errors import InputError

SHIPPED = ("default", "paper", "pretrain", "finetune", "laboratories")


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        name: shown in reports.
        epochs: number of virtual epochs.
        target_per_class: images per class and virtual epoch; None = size of the largest class.
        balance: ``class``, or ``laboratory``: the laboratories that have a class share its images
            of a virtual epoch evenly.
        batch_size: images per step.
        optimizer: ``adam`` or ``adamw``.
        learning_rate: peak of the schedule.
        body_rate: share of it that the network below the last layer gets; 0 leaves that as it is
            but for the statistics of its normalization.
        weight_decay: of matrices and kernels; biases and normalization are left alone.
        schedule: ``constant``, or ``one_cycle`` (linear warm-up, cosine to zero).
        warmup: share of all steps that the warm-up takes.
        label_smoothing: share of the target spread over the known classes.
        mixup: parameter of the Beta distribution, 0 = off (Zhang et al., ICLR 2018).
        average: decay of the running average of weights, 0 = off; early steps use a shorter
            memory, (k+1)/(k+10).
        views: 1, or 8: predictions average over the symmetries of the square.
        precision: ``fp32``, or ``bf16`` autocast.
        augmentation: ranges.
    """

    name: str = "unnamed"
    epochs: int = 13
    target_per_class: int | None = 25_000
    balance: str = "class"
    batch_size: int = 64
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    body_rate: float = 1.0
    weight_decay: float = 0.0
    schedule: str = "constant"
    warmup: float = 0.0
    label_smoothing: float = 0.0
    mixup: float = 0.0
    average: float = 0.0
    views: int = 1
    precision: str = "fp32"
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)

    def __post_init__(self) -> None:
        choices = {
            "balance": ("class", "laboratory"),
            "optimizer": ("adam", "adamw"),
            "schedule": ("constant", "one_cycle"),
            "views": (1, 8),
            "precision": ("fp32", "bf16"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                expected = " or ".join(str(value) for value in allowed)
                raise InputError(f"recipe: {name} is {getattr(self, name)!r}; expected {expected}")
        limits = {
            "epochs": (1, 100_000),
            "batch_size": (2, 65_536),
            "learning_rate": (1e-9, 10.0),
            "body_rate": (0.0, 1.0),
            "weight_decay": (0.0, 10.0),
            "warmup": (0.0, 0.9),
            "label_smoothing": (0.0, 0.9),
            "mixup": (0.0, 10.0),
            "average": (0.0, 0.999999),
        }
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                value = getattr(self, name)
                raise InputError(f"recipe: {name} is {value}; expected {low:g} to {high:g}")
        if self.target_per_class is not None and self.target_per_class < 1:
            raise InputError(f"recipe: target_per_class is {self.target_per_class}; expected >= 1")

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as it stands in a model card."""
        content = asdict(self)
        # Without what does nothing: as for runs from before there was such a thing, which may be
        # resumed.
        if self.body_rate == 1.0:
            del content["body_rate"]
        if self.balance == "class":
            del content["balance"]
        for name in ("stain_transfer", "sharpness", "surroundings"):
            if content["augmentation"][name] == 0:
                del content["augmentation"][name]
        return content


def load_recipe(name: str, overrides: list[str] | None = None) -> Recipe:
    """Load a shipped recipe by name or a YAML file by path.

    Args:
        name: one of ``SHIPPED`` or a path.
        overrides: ``key=value`` strings; ``augmentation.shift=0.1`` reaches inside.

    Raises:
        InputError: no such recipe, an unknown key, or a value of the wrong type or range.
    """
    if name in SHIPPED:
        text = files("marrowscope.training").joinpath(f"recipes/{name}.yaml").read_text("utf-8")
    else:
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            known = ", ".join(SHIPPED)
            raise InputError(f"`recipe` {name}: not one of {known}, nor a file ({error})") from None
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"`recipe` {name}: not YAML ({' '.join(str(error).split())})") from None
    if not isinstance(content, dict):
        raise InputError(f"`recipe` {name}: expected 'key: value' lines")
    for override in overrides or []:
        _override(content, override)
    return from_dict(content, name)


def from_dict(content: dict[str, Any], source: str = "recipe") -> Recipe:
    """Build a recipe from plain data, checking names and types.

    Raises:
        InputError: an unknown key or a value of the wrong type or range.
    """
    given = dict(content)
    inner = given.pop("augmentation", {})
    if not isinstance(inner, dict):
        raise InputError(f"recipe {source}: augmentation must hold 'key: value' lines")
    augmentation = AugmentationSettings(**_checked(AugmentationSettings(), inner, source))
    return replace(Recipe(), **_checked(Recipe(), given, source), augmentation=augmentation)


def _checked(pattern: Any, given: dict[str, Any], source: str) -> dict[str, Any]:
    """Values converted to the types of the pattern's own values."""
    known = {entry.name: getattr(pattern, entry.name) for entry in fields(pattern)}
    known.pop("augmentation", None)
    result: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            names = ", ".join(sorted(known))
            raise InputError(f"recipe {source}: unknown key {key!r}; known are {names}")
        if key == "target_per_class" and value is None:
            result[key] = None
            continue
        wanted = type(known[key])
        fits = isinstance(value, wanted) and not (wanted is int and isinstance(value, bool))
        if wanted is float and isinstance(value, int) and not isinstance(value, bool):
            value, fits = float(value), True
        if not fits:
            raise InputError(f"recipe {source}: {key} is {value!r}; expected {wanted.__name__}")
        result[key] = value
    return result


def _override(content: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"`changes` {text}: expected key=value")
    *outer, last = key.strip().split(".")
    target = content
    for name in outer:
        target = target.setdefault(name, {})
        if not isinstance(target, dict):
            raise InputError(f"`changes` {text}: {name} holds no keys")
    try:
        target[last] = yaml.safe_load(value)
    except yaml.YAMLError:
        raise InputError(f"`changes` {text}: the value is not YAML") from None
    if isinstance(target[last], str):
        # YAML 1.1 reads 1e-3 as text; people mean a number.
        try:
            target[last] = float(target[last])
        except ValueError:
            return
