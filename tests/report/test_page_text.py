"""Names in backticks are code on a page, and nothing that a user wrote becomes HTML."""

from marrowscope.report.html import page_environment
from marrowscope.report.notebook_html import notebook_html
from marrowscope.report.page_text import code_marks, writable


def test_backticks_become_code_and_text_stays_text() -> None:
    text = "give `microns_per_pixel` or `taken_as=field` for <b> & `x<y`; one ` alone"
    assert code_marks(text) == (
        "give <code>microns_per_pixel</code> or <code>taken_as=field</code> for &lt;b&gt; &amp; "
        "<code>x&lt;y</code>; one ` alone"
    )


def test_what_no_page_can_show_is_replaced() -> None:
    assert writable("Zellen µ 細胞") == "Zellen µ 細胞"
    assert writable("a\x1b[31mb\ud800") == "a\ufffd[31mb\ufffd"
    assert code_marks("`a\x1b`") == "<code>a\ufffd</code>"


def test_pages_and_notebooks_know_it() -> None:
    page = page_environment().from_string("{{ line | code_marks }}").render(line="`share`<i>")
    assert page == "<code>share</code>&lt;i&gt;"
    assert "<li>give <code>share</code></li>" in notebook_html("a", [], remarks=("give `share`",))
