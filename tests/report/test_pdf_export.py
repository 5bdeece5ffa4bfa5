"""HTML to PDF."""

import io
from pathlib import Path

import numpy as np
import pytest
from pypdf import PdfReader

from marrowscope.errors import InputError
from marrowscope.io.image_encoding import encode_png
from marrowscope.report import pdf_export
from marrowscope.report.pdf_export import html_to_pdf


def test_pango_that_cannot_be_loaded_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str, *rest: object, **more: object) -> object:
        if name.startswith("weasyprint"):
            print("WeasyPrint could not import some external libraries", end="")
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real(name, *rest, **more)

    real = __import__
    monkeypatch.setattr("builtins.__import__", fail)
    with pytest.raises(InputError, match="Pango is missing"):
        pdf_export.require_pdf()


def test_a_pdf_takes_pictures_from_its_page_only(tmp_path: Path) -> None:
    import base64

    data = encode_png(np.full((8, 8, 3), 77, np.uint8))
    (tmp_path / "cell.png").write_bytes(data)
    inside = "data:image/png;base64," + base64.b64encode(data).decode()

    def images(uri: str) -> int:
        page = f'<html lang="en"><title>t</title><body><img alt="a" src="{uri}"></body></html>'
        reader = PdfReader(io.BytesIO(html_to_pdf(page)))
        return sum(len(one.images) for one in reader.pages)

    assert images(inside) == 1
    assert images((tmp_path / "cell.png").as_uri()) == 0
    assert images(str(tmp_path / "cell.png")) == 0
