"""Formats that can be read, and what is told where one cannot."""

import sys
from types import ModuleType

import pytest

from marrowscope.doctor import format_checks
from marrowscope.doctor.health_check import State
from marrowscope.errors import InputError
from marrowscope.io import image_decoding


def test_every_image_format_is_written_and_read() -> None:
    check = format_checks.image_formats()
    assert check.state == State.OK
    assert check.facts["works"] == ["JPEG", "PNG", "TIFF", "BMP", "WEBP"]


def test_a_format_that_cannot_be_decoded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = image_decoding.decode

    def decode(data: bytes, name: str) -> object:
        if name == "WEBP":
            raise InputError("WEBP: no decoder")
        return whole(data, name)

    monkeypatch.setattr(image_decoding, "decode", decode)
    check = format_checks.image_formats()
    assert check.state == State.PROBLEM
    assert check.sentence == "cannot be read: WEBP (InputError: WEBP: no decoder)"
    assert check.facts["works"] == ["JPEG", "PNG", "TIFF", "BMP"]


def test_both_kinds_of_tiff_are_opened_as_slides() -> None:
    check = format_checks.slide_formats()
    assert check.state == State.OK
    assert "DICOM" in check.facts["vendors"]
    assert check.sentence.endswith("OME-TIFF")


def test_an_old_openslide_has_no_dicom(monkeypatch: pytest.MonkeyPatch) -> None:
    import openslide

    monkeypatch.setattr(openslide, "__library_version__", "3.4.1")
    check = format_checks.slide_formats()
    assert check.state == State.PROBLEM
    assert "OpenSlide 3.4.1" in check.sentence
    assert "DICOM" not in check.facts["vendors"]


def test_a_library_that_cannot_be_imported_is_a_check_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openslide", None)
    found = format_checks.examine("slides")
    assert (found["state"], found["core"]) == ("problem", True)
    assert "could not be examined" in found["sentence"]


def test_the_font_of_matplotlib_is_there() -> None:
    assert format_checks.fonts().state == State.OK


def test_letters_without_a_font_are_told_by_their_language(monkeypatch: pytest.MonkeyPatch) -> None:
    from marrowscope.report import fonts

    monkeypatch.setattr(fonts, "font_families", lambda texts: ["DejaVu Sans", "Some CJK"])
    monkeypatch.setattr(fonts, "drawable_text", lambda text, _: text)
    check = format_checks.cjk_fonts()
    assert (check.state, check.sentence) == (State.OK, "Some CJK")
    monkeypatch.setattr(fonts, "drawable_text", lambda text, _: text.replace("세포", "U+C138"))
    check = format_checks.cjk_fonts()
    assert (check.state, check.facts["missing"]) == (State.MISSING, ["Korean"])
    assert check.advice == "apt install fonts-noto-cjk"


def test_a_pdf_without_weasyprint_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(format_checks, "find_spec", lambda _: None)
    check = format_checks.pdf()
    assert (check.state, check.advice) == (State.MISSING, "pip install 'marrowscope[pdf]'")


def test_a_pdf_without_pango_names_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(page: str) -> bytes:
        raise InputError("report.pdf: the text library Pango is missing")

    export = ModuleType("marrowscope.report.pdf_export")
    export.html_to_pdf = lacking  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "marrowscope.report.pdf_export", export)
    monkeypatch.setattr(format_checks, "find_spec", lambda _: object())
    check = format_checks.pdf()
    assert check.state == State.MISSING
    assert "libpango" in str(check.advice)
