"""The report of a count: complete, self-contained, escaped, and the same numbers everywhere."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from pypdf import PdfReader

from marrowscope import RESEARCH_USE_ONLY
from marrowscope.counting.smear_count import SmearCount
from marrowscope.differential.differential_count import differential
from marrowscope.differential.held_out_answers import held_out_from_table
from marrowscope.errors import InputError
from marrowscope.report.count import count_report
from marrowscope.report.count.count_report import write_count_report
from support.counts import a_count

blank_figures = pytest.mark.usefixtures("blank_figures")

ISSUED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EVIL = "<script>alert(1)</script>\u202e細胞 'x' \"y\" {{ 7*7 }} \x1b[31m"


class Page(HTMLParser):
    """What a browser would load, all tags, and the rows of the main table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        names = ("src", "href", "srcset", "data", "xlink:href", "poster", "action")
        self.links += [value or "" for name, value in attrs if name in names]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self._cell = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._cell = self._cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._cell:
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def count() -> SmearCount:
    return a_count(slide=True)


@pytest.fixture(scope="module")
def report(count: SmearCount, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports") / "report"
    write_count_report(count, folder, issued=ISSUED)
    return folder


def text_of(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def main_table(text: str) -> dict[str, list[str]]:
    """Cells of the classes by code, and the total under ``""``."""
    rows = {}
    for head, *cells in Page(text).rows:
        if head.startswith("all countable"):
            rows[""] = cells
        elif found := re.search(r" ([A-Z]{3})$", head):
            rows[found[1]] = cells
    return rows


def test_the_folder_holds_page_pdf_data_cells_and_figures(
    count: SmearCount, tmp_path: Path
) -> None:
    written = write_count_report(count, tmp_path / "report", issued=ISSUED)
    assert written[0] == tmp_path / "report/report.html"
    assert all(path.stat().st_size > 100 for path in written)
    assert {path.name for path in written} >= {
        "report.html", "report.pdf", "count.json", "count.csv", "cells.parquet",
        "intervals.png", "smear.png",
    }  # fmt: skip
    assert {path.name for path in written} == {path.name for path in written[0].parent.iterdir()}
    assert pl.read_parquet(tmp_path / "report/cells.parquet").equals(count.cells)


def test_the_page_loads_nothing_from_elsewhere_and_runs_no_script(report: Path) -> None:
    page = Page(text_of(report))
    assert page.links
    assert all(link.startswith(("data:image/", "#")) for link in page.links)
    assert not re.search(r"https?:|url\(|@import", text_of(report))
    tags = {tag for tag, _ in page.tags}
    assert tags.isdisjoint({"script", "iframe", "object", "embed", "link", "base", "form"})
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    (policy,) = [a["content"] for t, a in page.tags if a.get("http-equiv")]
    assert policy is not None
    assert "default-src 'none'; img-src data:;" in policy
    places = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    assert {link[1:] for link in page.links if link.startswith("#")} <= places


def test_page_json_and_csv_hold_the_same_numbers(report: Path) -> None:
    shown = main_table(text_of(report))
    data = json.loads((report / "count.json").read_text(encoding="utf-8"))["differential"]
    csv = pl.read_csv(report / "count.csv")
    assert csv["code"].to_list() == [entry["code"] for entry in data["classes"]]
    assert len(shown) == len(data["classes"]) + 1
    for entry, row in zip(data["classes"], csv.iter_rows(named=True), strict=True):
        cells = shown[entry["code"]]
        for source in (entry, row):
            assert cells == [
                f"{source['count']:,}",
                f"{source['percent']:.1f}",
                f"{100 * source['low']:.1f}–{100 * source['high']:.1f}",
                f"{source['corrected_percent']:.1f}",
                f"{100 * source['corrected_low']:.1f}–{100 * source['corrected_high']:.1f}",
            ]


def test_percentages_sum_to_100_as_shown(report: Path) -> None:
    shown = main_table(text_of(report))
    for column in (1, 3):
        parts = [round(10 * float(cells[column])) for code, cells in shown.items() if code]
        assert sum(parts) == 1000
        assert shown[""][column] == "100.0"
    numbers = [int(cells[0]) for code, cells in shown.items() if code]
    assert sum(numbers) == int(shown[""][0])


def test_all_parts_say_what_they_are_for(report: Path) -> None:
    assert text_of(report).count("Research use only") >= 3
    assert json.loads((report / "count.json").read_text())["use"] == RESEARCH_USE_ONLY
    assert set(pl.read_csv(report / "count.csv")["use"]) == {RESEARCH_USE_ONLY}
    assert pl.read_parquet_metadata(report / "cells.parquet")["use"] == RESEARCH_USE_ONLY
    pages = PdfReader(report / "report.pdf").pages
    assert len(pages) > 2
    for number, page in enumerate(pages, 1):
        text = page.extract_text()
        assert "Research use only. Not for diagnosis." in text
        assert f"page {number} of {len(pages)}" in text
        assert "smear-17" in text


def test_the_pdf_has_the_numbers_of_the_page(report: Path) -> None:
    text = " ".join(page.extract_text() for page in PdfReader(report / "report.pdf").pages)
    words = set(text.split())
    for code, cells in main_table(text_of(report)).items():
        assert set(cells) <= words, code


def test_what_must_be_said_is_said(count: SmearCount, report: Path) -> None:
    text = text_of(report)
    for part in (
        *count.remarks, "M:E ratio", "granulocytic and monocytic cells including blasts",
        "Not classified", "the tile is damaged", "1024, 512", "ab" * 32, "torch float32",
        "held-out.parquet", "0.08625", "2 of 5 fields", "no place for mast cells", "test cells",
    ):  # fmt: skip
        assert part in text, part


def test_the_data_names_model_engine_fields_and_versions(count: SmearCount, report: Path) -> None:
    data = json.loads((report / "count.json").read_text())
    assert data["model"]["weights_sha256"] == "ab" * 32
    assert data["engine"] == "torch float32"
    assert data["issued"] == "2026-01-02T03:04:05+00:00"
    assert [field["name"] for field in data["fields"]] == [field.name for field in count.fields]
    assert data["corrupt"][0]["x"] == 1024
    assert data["remarks"] == list(count.remarks)
    assert set(data["versions"]) >= {"marrowscope", "python", "numpy"}


def test_images_have_alternatives_and_tables_have_headers(report: Path) -> None:
    page = Page(text_of(report))
    assert all(attrs.get("alt") for tag, attrs in page.tags if tag == "img")
    assert all(attrs.get("scope") in ("col", "row") for tag, attrs in page.tags if tag == "th")
    assert ("html", {"lang": "en"}) in page.tags
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))


def test_the_same_count_gives_the_same_files(
    count: SmearCount, report: Path, tmp_path: Path
) -> None:
    for path in write_count_report(count, tmp_path / "again", pdf=False, issued=ISSUED):
        assert path.read_bytes() == (report / path.name).read_bytes(), path.name


@blank_figures
def test_names_from_users_cannot_become_markup(tmp_path: Path) -> None:
    count = a_count(fields=1, name=EVIL, renamed={"NGS": EVIL, "LYT": "細胞"}, slide=True)
    (field,) = count.fields
    count = replace(
        count,
        sources=(EVIL,),
        remarks=(EVIL,),
        engine=EVIL,
        held_out_source=EVIL,
        corrupt=(replace(count.corrupt[0], reason=EVIL),),
        card=replace(count.card, name=EVIL, licence=EVIL, data={"source": EVIL, "images": {}}),
        fields=(replace(field, name=EVIL),),
        cells=count.cells.with_columns(field_id=pl.lit(EVIL)),
    )
    write_count_report(count, tmp_path / "report", issued=ISSUED)
    text = text_of(tmp_path / "report")
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 10
    assert "\x1b" not in text
    assert "{{ 7*7 }}" in text
    assert "細胞" in text
    assert len(Page(text).rows) > 10
    data = json.loads((tmp_path / "report/count.json").read_text(encoding="utf-8"))
    assert data["name"] == EVIL
    assert len(PdfReader(tmp_path / "report/report.pdf").pages) > 2


@blank_figures
def test_a_name_that_is_no_text_is_written_with_a_mark(tmp_path: Path) -> None:
    count = replace(a_count(fields=1), name="odd\udcff", sources=("odd\udcff.tif",))
    write_count_report(count, tmp_path / "report", issued=ISSUED)
    assert "odd\ufffd" in text_of(tmp_path / "report")
    assert json.loads((tmp_path / "report/count.json").read_text())["name"] == "odd?"


@blank_figures
def test_without_cells_there_is_no_count(tmp_path: Path) -> None:
    count = a_count(fields=1)
    none = count.cells.clear()
    count = replace(
        count, cells=none, thumbnails={}, fields=(), differential=differential(none, known=())
    )
    write_count_report(count, tmp_path / "report")
    text = text_of(tmp_path / "report")
    assert "no differential count can be given" in text
    assert main_table(text) == {"": ["0", "–", "–"]}
    assert "No field was counted" in text
    assert not (tmp_path / "report/intervals.png").exists()
    data = json.loads((tmp_path / "report/count.json").read_text())["differential"]
    assert data["countable"] == 0
    assert {entry["percent"] for entry in data["classes"]} == {None}


@blank_figures
def test_fields_that_were_not_counted_are_named_with_the_reason(tmp_path: Path) -> None:
    count = replace(a_count(fields=1), not_counted=(("b.png", "out of focus"),))
    write_count_report(count, tmp_path / "report", pdf=False)
    text = text_of(tmp_path / "report")
    assert "1 of 4 planned fields were counted, 1 looked at and not counted" in text
    assert "b.png</bdi> (out of focus)" in text
    data = json.loads((tmp_path / "report/count.json").read_text())
    assert data["fields_not_counted"] == [{"name": "b.png", "why": "out of focus"}]


@blank_figures
def test_a_class_that_occurs_only_after_correction_has_a_line(tmp_path: Path) -> None:
    # Held-out cells hold plasma cells, which this model calls lymphocytes.
    known = ("NGS", "EBO", "LYT")
    count = a_count(fields=1, known=known, corrected=False)
    codes = ["NGS"] * 40 + ["EBO"] * 40 + ["LYT"] * 40 + ["PLM"] * 40
    answers = ["NGS"] * 40 + ["EBO"] * 40 + ["LYT"] * 60 + ["LYT"] * 20
    held_out = held_out_from_table(
        pl.DataFrame({"label": codes, "predicted": answers, "confidence": [0.9] * 140 + [0.5] * 20})
    )
    cells = count.cells.filter(pl.col("role") == "counted")
    result = differential(cells, held_out, known, replicates=100)
    write_count_report(
        replace(count, cells=cells, differential=result), tmp_path / "report", pdf=False
    )
    shown = main_table(text_of(tmp_path / "report"))
    assert "PLM" in shown
    corrected = [float(row[3]) for code, row in shown.items() if code]
    assert sum(corrected) == pytest.approx(100.0, abs=1e-6)
    assert float(shown[""][3]) == 100.0


@blank_figures
def test_classes_that_the_model_does_not_know_are_named_and_are_no_zeros(tmp_path: Path) -> None:
    known = ("PMO", "NGS", "EBO", "LYT", "NIF")
    count = a_count(fields=1, known=known, corrected=False)
    write_count_report(count, tmp_path / "report", pdf=False)
    text = text_of(tmp_path / "report")
    shown = main_table(text)
    assert set(shown) == {"PMO", "NGS", "EBO", "LYT", ""}
    assert sum(round(10 * float(cells[1])) for code, cells in shown.items() if code) == 1000
    assert "does not know them: blast, faggot cell" in text
    assert "this model was not taught them" in text
    assert "No corrected estimate" in text
    assert all(len(cells) == 3 for cells in shown.values())


@blank_figures
def test_a_model_of_synthetic_cells_is_called_so(tmp_path: Path) -> None:
    count = a_count(fields=1)
    write_count_report(count, tmp_path / "real", pdf=False)
    assert "trained on synthetic" not in text_of(tmp_path / "real")
    card = replace(count.card, data={"synthetic": True})
    write_count_report(replace(count, card=card), tmp_path / "drawn", pdf=False)
    assert "trained on synthetic cells" in text_of(tmp_path / "drawn")


@blank_figures
def test_an_earlier_report_is_replaced_as_a_whole(count: SmearCount, tmp_path: Path) -> None:
    write_count_report(count, tmp_path / "report")
    write_count_report(replace(count, overview=None), tmp_path / "report", pdf=False)
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert names.isdisjoint({"report.pdf", "smear.png"})
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


@pytest.mark.parametrize("name", ["notes.txt", "cells.parquet", "report.html"])
@blank_figures
def test_a_folder_that_is_no_report_is_refused_and_keeps_its_files(
    name: str, count: SmearCount, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / name).write_text("mine")
    with pytest.raises(InputError, match=rf"mine: holds {name} and is not the report"):
        write_count_report(count, folder, pdf=False)
    assert (folder / name).read_text() == "mine"
    (folder / "count.json").write_text('{"kind": "something else"}')
    with pytest.raises(InputError, match="is not the report"):
        write_count_report(count, folder, pdf=False)


@blank_figures
def test_a_file_in_the_place_of_the_folder_is_refused(count: SmearCount, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="file: is a file"):
        write_count_report(count, tmp_path / "file", pdf=False)


@blank_figures
def test_a_failure_leaves_the_earlier_report(
    count: SmearCount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_count_report(count, tmp_path / "report", pdf=False)
    before = text_of(tmp_path / "report")

    def fail(page: str) -> bytes:
        raise RuntimeError("out of ink")

    monkeypatch.setattr(count_report, "as_pdf", fail)
    with pytest.raises(RuntimeError, match="out of ink"):
        write_count_report(replace(count, name="other"), tmp_path / "report")
    assert text_of(tmp_path / "report") == before
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


@blank_figures
def test_a_missing_weasyprint_is_said_before_anything_is_written(
    count: SmearCount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "weasyprint", None)
    with pytest.raises(InputError, match=r"report\.pdf needs weasyprint: pip install") as caught:
        write_count_report(count, tmp_path / "report")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "report").exists()
    write_count_report(count, tmp_path / "report", pdf=False)


@blank_figures
def test_cells_for_qupath_carry_the_answers_and_replace_those_of_an_earlier_report(
    tmp_path: Path,
) -> None:
    count = a_count(slide=True)
    written = write_count_report(count, tmp_path / "r", pdf=False, geojson=True)
    assert tmp_path / "r" / "cells.geojson" in written
    content = json.loads((tmp_path / "r" / "cells.geojson").read_text("utf-8"))
    assert content["marrowscope"]["picture"] == "smear-17.svs"
    assert content["marrowscope"]["microns_per_pixel"] == count.microns_per_pixel
    classes = [f["properties"].get("classification", {}).get("name") for f in content["features"]]
    counted = count.cells.filter(pl.col("role") != "left out")
    assert sum(name is not None for name in classes) == counted.height
    assert classes.count("blast") == counted.filter(pl.col("predicted") == "BLA").height
    fields = write_count_report(a_count(), tmp_path / "r", pdf=False, geojson=True)
    assert tmp_path / "r" / "geojson" in fields
    names = sorted(path.name for path in (tmp_path / "r" / "geojson").iterdir())
    assert names == ["field_00.jpg.geojson", "field_01.jpg.geojson"]
    write_count_report(a_count(), tmp_path / "r", pdf=False)
    assert not (tmp_path / "r" / "geojson").exists()


@pytest.fixture(scope="module")
def with_novel() -> SmearCount:
    """A count in which every lymphocyte was unlike anything known."""
    count = a_count()
    novel = (pl.col("predicted") == "LYT") & (pl.col("role") == "counted")
    cells = count.cells.with_columns(novel.alias("novel"), novel.cast(pl.Float32).alias("novelty"))
    cells = cells.with_columns(
        role=pl.when("novel").then(pl.lit("novel")).otherwise(pl.col("role"))
    )
    known = count.card.known
    result = differential(cells, None, known, flags=("touches_border",), novel="novel")
    return replace(count, cells=cells, differential=result)


@blank_figures
def test_cells_unlike_anything_known_are_in_page_and_data(
    with_novel: SmearCount, tmp_path: Path
) -> None:
    cells = with_novel.differential.tally
    assert cells.novel
    write_count_report(with_novel, tmp_path / "r", pdf=False, issued=ISSUED)
    page = (tmp_path / "r" / "report.html").read_text()
    assert f"{cells.novel} of them unlike anything that the model knows" in page
    assert "<bdi>Unlike anything that the model knows</bdi>" in page
    assert re.search(f"unlike anything that the model knows:? {cells.novel}", page)
    data = json.loads((tmp_path / "r" / "count.json").read_text())
    assert data["novel"] == {
        "cells": cells.novel,
        "looked_at": cells.looked_at,
        "share": cells.novel / cells.looked_at,
    }
    table = pl.read_csv(tmp_path / "r" / "count.csv")
    assert set(table["novel_cells"]) == {cells.novel}
    fhir = (tmp_path / "r" / "fhir.json").read_text()
    assert "unlike anything that the model knows" in fhir


@blank_figures
def test_a_count_that_does_not_look_for_them_says_nothing_of_them(tmp_path: Path) -> None:
    write_count_report(a_count(), tmp_path / "r", pdf=False, issued=ISSUED)
    for name in ("report.html", "count.json", "count.csv", "fhir.json"):
        text = (tmp_path / "r" / name).read_text()
        assert "novel" not in text
        assert "nlike anything" not in text
