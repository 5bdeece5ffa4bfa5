"""The model card: what a bundle says of itself, checked field by field when it is read."""

import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.errors import InputError
from marrowscope.preprocessing import INPUT_SIZE, MICRONS_PER_PIXEL

FORMAT = 1
MAX_OUTPUTS, MAX_NAME = 10_000, 200
# Fields that cards of this format may lack, with what that means.
ADDED_LATER: dict[str, Any] = {"graph": {}, "int8": {}}
_TABLES = ("recipe", "data", "split", "metrics", "graph", "int8")
_TEXTS = (
    "architecture",
    "weights_sha256",
    "preprocessing",
    "version",
    "torch_version",
    "created",
    "licence",
    "intended_use",
    "note",
)
# What is read of the tables: where it stands, and of what types it may be. The rest is passed on.
_INSIDE: tuple[tuple[str, str, tuple[type, ...]], ...] = (
    ("recipe", "name", (str,)),
    ("data", "synthetic", (bool,)),
    ("data", "content_sha256", (str,)),
    ("data", "laboratories", (dict,)),
    ("split", "method", (str,)),
    ("metrics", "measured_on", (str,)),
    *(("graph", name, (str,)) for name in ("weights_sha256", "classes_sha256", "graph_sha256")),
    *(("graph", name, (str,)) for name in ("constants_sha256", "missing", "openvino")),
    *(("int8", name, (str,)) for name in ("weights_sha256", "graph_sha256", "constants_sha256")),
    ("int8", "agreement", (float, int)),
    ("int8", "macro_f1_loss", (float, int)),
)


@dataclass(frozen=True)
class Card:
    """Everything that must travel with the weights.

    Attributes:
        name: of the model.
        architecture: name for ``models.create``.
        outputs: class code of each output of the network.
        known: classes that had training images, in the order of the outputs.
        views: 1, or 8: predictions average over the symmetries of the square.
        recipe: of the training, as plain data.
        data: training images per class, hash of their contents, where they are from,
            whether they are synthetic.
        split: how held-out cells were chosen.
        metrics: on the held-out cells; empty when there were none.
        weights_sha256: of model.safetensors.
        graph: of the graph for OpenVINO, empty in bundles of earlier versions: checksums of its
            files, of the weights and of the classes that it was made for; or why there is none.
        int8: of the int8 part, empty without one: what weights it was made for, checksums of its
            files, how it was calibrated and checked.
        format, input_size, microns_per_pixel, preprocessing, version, torch_version, created,
        licence, intended_use, note: as named.
    """

    name: str
    architecture: str
    outputs: tuple[str, ...]
    known: tuple[str, ...]
    views: int = 1
    recipe: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    split: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    weights_sha256: str = ""
    graph: dict[str, Any] = field(default_factory=dict)
    int8: dict[str, Any] = field(default_factory=dict)
    format: int = FORMAT
    input_size: int = INPUT_SIZE
    microns_per_pixel: float = MICRONS_PER_PIXEL
    preprocessing: str = "RGB, 0 to 1; other sizes are rescaled to the input size"
    version: str = ""
    torch_version: str = ""
    created: str = ""
    licence: str = "not stated"
    intended_use: str = RESEARCH_USE_ONLY
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def card_from_dict(content: Any, source: str) -> Card:
    """Check plain data and make a card of it.

    Raises:
        InputError: a field is missing, unknown, of the wrong type or makes no sense.
    """
    if not isinstance(content, dict):
        raise InputError(f"{source}: expected a JSON object")
    if content.get("format") != FORMAT or type(content["format"]) is not int:
        raise InputError(
            f"{source}: format is {repr(content.get('format'))[:60]}; this version reads format "
            f"{FORMAT}"
        )
    types = _types()
    unknown = sorted(set(content) - set(types))
    if unknown:
        raise InputError(f"{source}: unknown field {unknown[0][:60]!r}")
    content = {**ADDED_LATER, **content}
    missing = sorted(set(types) - set(content))
    if missing:
        raise InputError(f"{source}: field {missing[0]!r} is missing")
    values: dict[str, Any] = {}
    for name, wanted in types.items():
        value = content[name]
        if wanted is tuple:
            if not isinstance(value, list) or not all(isinstance(code, str) for code in value):
                raise InputError(f"{source}: {name} must be a list of class codes")
            value = tuple(value)
        elif wanted is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            expected = wanted.__name__
            raise InputError(f"{source}: {name} is {repr(value)[:80]}; expected {expected}")
        values[name] = value
    card = Card(**values)
    _check_sense(card, source)
    return card


def _types() -> dict[str, type]:
    pattern = Card("", "", (), ())
    return {entry.name: type(getattr(pattern, entry.name)) for entry in fields(pattern)}


def _check_sense(card: Card, source: str) -> None:
    for name in _TABLES:
        for text in texts_in(getattr(card, name)):
            if not is_printable(text):
                raise InputError(f"{source}: {name} holds control characters")
    for name in _TEXTS:
        if not is_printable(getattr(card, name)):
            raise InputError(f"{source}: {name} holds control characters")
    if not 2 <= len(card.outputs) <= MAX_OUTPUTS:
        raise InputError(f"{source}: {len(card.outputs)} outputs; expected 2 to {MAX_OUTPUTS}")
    unknown = set(card.known) - set(card.outputs)
    if unknown or not card.known:
        raise InputError(f"{source}: known must name classes that have an output")
    if len(set(card.known)) < len(card.known):
        raise InputError(f"{source}: known names a class twice")
    for text in (card.name, *card.outputs):
        if not _is_plain(text):
            raise InputError(f"{source}: {text[:60]!r} is empty or holds control characters")
        if len(text) > MAX_NAME:
            raise InputError(f"{source}: {text[:60]!r}… is a name of {len(text)} characters")
    images = card.data.get("images", {})
    counts = images.values() if isinstance(images, dict) else [None]
    if not all(type(count) is int and count >= 0 for count in counts):
        raise InputError(f"{source}: data.images must give the number of images per class")
    score = card.metrics.get("macro_f1")
    if score is not None and not (type(score) in (int, float) and 0 <= score <= 1):
        raise InputError(f"{source}: metrics.macro_f1 is {str(score)[:60]}; expected 0 to 1")
    for table, name, kinds in _INSIDE:
        value = getattr(card, table).get(name)
        if value is not None and type(value) not in kinds:
            expected = " or ".join(kind.__name__ for kind in kinds)
            raise InputError(
                f"{source}: {table}.{name} is {str(value)[:60]!r}; expected {expected}"
            )
    if card.views not in (1, 8):
        raise InputError(f"{source}: views is {card.views}; expected 1 or 8")
    if card.input_size != INPUT_SIZE:
        raise InputError(f"{source}: input_size is {card.input_size}; expected {INPUT_SIZE}")
    if not 0.001 < card.microns_per_pixel < 100:
        raise InputError(f"{source}: microns_per_pixel is {card.microns_per_pixel}")


def texts_in(value: Any) -> Iterator[str]:
    """All texts in plain data, names of fields among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from texts_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts_in(one)


def is_printable(text: str) -> bool:
    """Whether a text, of several lines perhaps, is free of what would steer a terminal."""
    return text == "" or _is_plain(text.replace("\n", " ").replace("\t", " "))


def _is_plain(text: str) -> bool:
    """Not empty, and free of what would steer a terminal or cannot be written as UTF-8."""
    return text != "" and not any(unicodedata.category(mark) in ("Cc", "Cs") for mark in text)
