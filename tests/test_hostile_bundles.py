"""Bundles that others broke, by accident or not: each is one line, before any work begins."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import marrowscope as ms
from marrowscope.errors import InputError
from marrowscope.models import SMALL_MODEL
from marrowscope.models import bundle as bundles
from marrowscope.models.bundle import Bundle, load_bundle, read_card
from marrowscope.models.calibration import read_calibration
from marrowscope.models.card import card_from_dict
from marrowscope.models.weights_header import require_header

SHIPPED = bundles._find(SMALL_MODEL)
CARD = json.loads((SHIPPED / "card.json").read_text(encoding="utf-8"))
CALIBRATION = json.loads((SHIPPED / "calibration.json").read_text(encoding="utf-8"))

# What may stand in the place of anything. None of it is right for any field of either file.
WRONG: tuple[Any, ...] = (
    None, True, -1, 10**18, 1e308, "\x1b[2J", [], {}, [[]], [None], {"a": None}, ["a"], {"": [1]},
)  # fmt: skip
# Where a field may be what the list above has.
HARMLESS = {
    **dict.fromkeys(("recipe", "data", "split", "metrics"), ({}, {"a": None}, {"": [1]})),
    **dict.fromkeys(("graph", "int8"), ({}, {"a": None}, {"": [1]})),
    "measured": ({}, {"a": None}, {"": [1]}),
    "held_out": ({}, {"a": None}, {"": [1]}),  # checked where it is used, before a count
    "cells": (10**18,),
    "no_call": (None,),
}
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def one_line_of(call: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        call()
    line = str(caught.value)
    assert "\n" not in line
    assert "\x1b" not in line
    assert len(line) < 500
    return line


def copy(folder: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, folder / "bundle"))


def with_card(folder: Path, **changes: Any) -> Path:
    (folder / "card.json").write_text(json.dumps({**CARD, **changes}))
    return folder


@pytest.mark.parametrize("field", sorted(CARD))
def test_anything_else_in_the_place_of_a_field_of_the_card_is_refused(field: str) -> None:
    for wrong in WRONG:
        if wrong in HARMLESS.get(field, ()):
            card_from_dict({**CARD, field: wrong}, "card.json")
        else:
            assert "card.json" in one_line_of(
                lambda wrong=wrong: card_from_dict({**CARD, field: wrong}, "card.json")
            )


@pytest.mark.parametrize("field", sorted(CALIBRATION))
def test_anything_else_in_the_place_of_a_field_of_the_calibration_is_refused(
    field: str, tmp_path: Path
) -> None:
    card = card_from_dict(CARD, "card.json")
    for wrong in WRONG:
        if wrong in HARMLESS.get(field, ()):
            continue
        text = json.dumps({**CALIBRATION, field: wrong})
        (tmp_path / "calibration.json").write_text(text)
        line = one_line_of(lambda: read_calibration(Bundle(None, card, tmp_path)))
        assert "calibration.json" in line


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else []
    below = [one for key, part in inside for one in _places(part, (*place, key))]
    return [place, *below] if place else below


@settings(max_examples=300, deadline=None)
@given(place=st.sampled_from(_places(CARD)), value=ANY_JSON)
def test_a_card_changed_anywhere_is_a_card_or_one_line(place: tuple[Any, ...], value: Any) -> None:
    content = json.loads(json.dumps(CARD))
    inside = content
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    try:
        card = card_from_dict(content, "card.json")
        model = ms.Model(Bundle(None, card, SHIPPED), _Engine(), False, None)
    except InputError as error:
        text = str(error)
    else:
        text = ""
    assert "\n" not in text
    if text:
        return
    json.dumps(card.to_dict(), allow_nan=False)
    assert card.known[0] in model._repr_html_()


class _Engine:
    name, classes, batch_size = "none", ("a",), 1


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.integers(0, 3000), data=st.binary(min_size=0, max_size=4), cut=st.booleans())
def test_a_card_with_other_bytes_is_a_card_or_one_line(
    place: int, data: bytes, cut: bool, tmp_path: Path
) -> None:
    text = (SHIPPED / "card.json").read_bytes()
    end = len(text) if cut else place + len(data)
    (tmp_path / "card.json").write_bytes(text[:place] + data + text[end:])
    with suppress(InputError):
        read_card(tmp_path)


BROKEN_JSON = {
    "nested": b'{"a":' + b"[" * 900 + b"]" * 900 + b"}",
    "nested beyond the stack": b"[" * 200_000,
    "long number": b'{"format": ' + b"1" * 400 + b"}",
    "infinite": b'{"format": 1e999}',
    "no number": b'{"format": NaN}',
    "key twice": b'{"format": 1, "format": 1}',
    "UTF-16": '{"format": 1}'.encode("utf-16"),
    "Latin-1": '{"name": "Zürich"}'.encode("latin-1"),
    "nothing": b"",
    "text behind": b"{} {}",
    "null bytes": b"\0" * 100,
}


@pytest.mark.parametrize("name", ["card.json", "calibration.json"])
@pytest.mark.parametrize("kind", BROKEN_JSON)
def test_json_that_nobody_writes_is_refused(kind: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "card.json").write_bytes((SHIPPED / "card.json").read_bytes())
    (tmp_path / name).write_bytes(BROKEN_JSON[kind])
    card = card_from_dict(CARD, "card.json")
    read = {
        "card.json": lambda: read_card(tmp_path),
        "calibration.json": lambda: read_calibration(Bundle(None, card, tmp_path)),
    }[name]
    assert name in one_line_of(read)


@pytest.mark.parametrize(
    "name", ["card.json", "model.safetensors", "calibration.json", "graph.xml", "graph.bin"]
)
@pytest.mark.parametrize("kind", ["loop", "out", "folder", "pipe", "missing", "empty", "other"])
def test_a_part_that_is_no_such_file_is_refused(name: str, kind: str, tmp_path: Path) -> None:
    folder = copy(tmp_path)
    part = folder / name
    data = part.read_bytes()
    part.unlink()
    (tmp_path / "elsewhere").write_bytes(data)
    {
        "loop": lambda: part.symlink_to(name),
        "out": lambda: part.symlink_to(tmp_path / "elsewhere"),
        "folder": part.mkdir,
        "pipe": lambda: os.mkfifo(part),
        "missing": lambda: None,
        "empty": part.touch,
        "other": lambda: part.write_bytes(data[:-1] + bytes([data[-1] ^ 1])),
    }[kind]()
    if (name, kind) in {("calibration.json", "missing"), ("card.json", "other")}:
        return  # a bundle need not have one; a card has no checksum
    if (name, kind) == ("calibration.json", "other"):
        return
    assert str(folder) in one_line_of(lambda: ms.load_model(folder))


GRAPH = (SHIPPED / "graph.xml").read_bytes()
GRAPHS = {
    "no XML": b"no XML",
    "nothing in it": b'<?xml version="1.0"?><net name="a" version="11"><layers/><edges/></net>',
    "cut off": GRAPH[: len(GRAPH) // 2],
    "all memory": GRAPH.replace(b'shape="1,250,250,3"', b'shape="1,250000,250000,3"', 1),
    "another input": GRAPH.replace(b'shape="1,250,250,3"', b'shape="1,251,251,3"', 1),
    "an unknown layer": GRAPH.replace(b'type="Convolution"', b'type="Sorcery"'),
    "another type": GRAPH.replace(b'element_type="u8"', b'element_type="f32"'),
}


@pytest.mark.parametrize("kind", GRAPHS)
def test_a_graph_that_does_not_fit_is_refused_whatever_its_checksum(
    kind: str, tmp_path: Path
) -> None:
    folder = copy(tmp_path)
    assert GRAPHS[kind] != GRAPH
    (folder / "graph.xml").write_bytes(GRAPHS[kind])
    facts = {**CARD["graph"], "graph_sha256": hashlib.sha256(GRAPHS[kind]).hexdigest()}
    with_card(folder, graph=facts)
    assert str(folder) in one_line_of(lambda: ms.load_model(folder, engine="openvino"))


def _header(**tensors: object) -> bytes:
    text = json.dumps(tensors).encode()
    return len(text).to_bytes(8, "little") + text


def tensor(*shape: int, span: tuple[int, int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(span)}


WEIGHTS = {
    "no header": bytes(1000),
    "a header longer than the file": (10**6).to_bytes(8, "little") + b"{}",
    "a header that is a list": (2).to_bytes(8, "little") + b"[]",
    "a tensor beyond the end": _header(a=tensor(10, span=(0, 40))) + bytes(30),
    "bytes behind": _header(a=tensor(10, span=(0, 40))) + bytes(50),
    "two on top of each other": _header(a=tensor(1, span=(0, 4)), b=tensor(1, span=(0, 4)))
    + bytes(4),
    "another size": _header(a=tensor(11, span=(0, 40))) + bytes(40),
    "a shape below zero": _header(a=tensor(-1, -10, span=(0, 40))) + bytes(40),
    "no type": _header(a=tensor(10, span=(0, 40), dtype="F8")) + bytes(40),
    "a shape that is text": _header(a={**tensor(span=(0, 4)), "shape": "1"}) + bytes(4),
    "a description that is a list": _header(a=[1]) + bytes(4),
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_are_refused_by_their_header(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(WEIGHTS[kind])
    assert "not a safetensors file" in one_line_of(lambda: require_header(path, 10**6))


def test_the_header_of_sound_weights_passes() -> None:
    require_header(SHIPPED / "model.safetensors", 10**7)


@pytest.mark.parametrize("name", ["model.safetensors", "graph.bin"])
def test_gigabytes_are_refused_before_they_are_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy(tmp_path)
    with (folder / name).open("r+b") as stream:
        stream.truncate(7_900_000_000)  # sparse: takes no room on the disk
    real = Path.read_bytes

    def read(path: Path) -> bytes:
        assert path.stat().st_size < 10**8, "read before it was refused"
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    assert name in one_line_of(lambda: ms.load_model(folder, engine="openvino"))


def test_a_whole_bundle_loads(tmp_path: Path) -> None:
    assert load_bundle(copy(tmp_path)).card.name == SMALL_MODEL
