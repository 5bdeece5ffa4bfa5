import base64

import numpy as np
import pytest
from jinja2 import UndefinedError
from matplotlib.figure import Figure

from marrowscope.io.image_decoding import decode
from marrowscope.report.html import data_uri, figure_uri, image_uri, page_environment


def test_every_template_of_the_package_is_found_and_parses() -> None:
    environment = page_environment()
    names = environment.list_templates()
    assert {"evaluation.html", "study.html", "suspects.html", "count.html"} <= set(names)
    assert environment.loader is not None
    for name in names:
        environment.parse(environment.loader.get_source(environment, name)[0])


def test_text_is_escaped_and_a_missing_value_is_an_error() -> None:
    environment = page_environment()
    assert environment.from_string("{{ a }}").render(a="<b>") == "&lt;b&gt;"
    with pytest.raises(UndefinedError):
        environment.from_string("{{ a }}").render()


def test_a_filter_of_one_page_is_unknown_to_the_next() -> None:
    page_environment().filters["mine"] = str
    assert "mine" not in page_environment().filters


def test_pictures_and_figures_come_back_from_their_uri() -> None:
    image = np.full((20, 30, 3), 90, np.uint8)
    kind, data = image_uri(image, 90).split(",")
    assert kind == "data:image/jpeg;base64"
    assert abs(decode(base64.b64decode(data)).astype(int) - 90).max() <= 2
    kind, data = figure_uri(Figure(figsize=(2, 1)), 50).split(",")
    assert kind == "data:image/png;base64"
    assert decode(base64.b64decode(data)).shape == (50, 100, 3)
    assert data_uri(b"\x00\xff", "png") == "data:image/png;base64,AP8="
