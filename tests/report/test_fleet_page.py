"""The page of a fleet says what became of every slide, and names are no markup."""

from pathlib import Path

from marrowscope._about import RESEARCH_USE_ONLY
from marrowscope.fleet.fleet_table import FAILED, SlideRow, fleet_frame
from marrowscope.report.fleet_page import write_fleet_page
from support.fleets import a_done_row


def test_each_slide_has_state_numbers_reason_and_link(tmp_path: Path) -> None:
    slide = tmp_path / "<b>a 1.svs"
    slide.touch()
    done = a_done_row(slide, "<b>a 1")
    unknown = a_done_row(slide, "b", blasts=None, blasts_low=None, blasts_high=None)
    failed = SlideRow("/c.svs", "c", tries=3).ended(FAILED, "a worker died <i>")
    write_fleet_page(
        fleet_frame([done, unknown, failed]), tmp_path / "fleet.html", {"model": "m", "seed": 0}
    )
    page = (tmp_path / "fleet.html").read_text()
    assert "3: 2 done, 1 failed" in page
    assert RESEARCH_USE_ONLY in page
    assert 'href="%3Cb%3Ea%201/report.html"' in page
    assert "3.0 % (2.0–5.0)" in page
    assert "not known" in page
    assert "failed (3 tries)" in page
    assert "a worker died &lt;i&gt;" in page
    assert "<b>a" not in page
