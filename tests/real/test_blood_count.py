"""A count over real blood fields: few cells, and the report says what they are."""

import os
from pathlib import Path

import polars as pl
import pytest

from marrowscope.counting.count_smear import CountSettings, count_smear
from marrowscope.counting.smear_sources import open_smears
from marrowscope.inference.engine_choice import choose_engine
from marrowscope.models.bundle import load_bundle
from marrowscope.report.count.count_report import write_count_report

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("MARROWSCOPE_DATA", REPOSITORY.parent / "shared" / "data"))
FIELDS = DATA / "bccd-sample" / "JPEGImages"
MICRONS_PER_PIXEL = 0.07
BLOOD = "Fields of peripheral blood, not of marrow, and low in resolution: no differential count"


@pytest.mark.skipif(not FIELDS.is_dir(), reason="the real blood fields are not at hand")
def test_real_blood_fields_become_a_report_that_says_how_little_they_are(tmp_path: Path) -> None:
    bundle = load_bundle("sequential-mll7")
    engine, _ = choose_engine(bundle)
    (tmp_path / "fields").mkdir()
    for path in sorted(FIELDS.glob("*.jpg"))[::2]:
        (tmp_path / "fields" / path.name).symlink_to(path)
    (smear,), _ = open_smears([tmp_path / "fields"], MICRONS_PER_PIXEL)
    settings = CountSettings(pixel_size_stated=True, remarks=(BLOOD,))
    done = count_smear(smear, engine, bundle.card, settings)
    # Of 91 fields with one white cell each all are looked at, and it is not enough.
    assert len(done.fields) == done.planned == 91
    assert 91 <= done.cells.height <= 100
    countable = done.differential.tally.countable
    assert 0 < countable < 60
    assert done.remarks[0] == BLOOD
    remarks = " ".join(done.remarks)
    assert f"Only {countable} countable cell" in remarks
    assert "in all 91 fields together" in remarks
    assert "0.07 µm was stated by the user" in remarks
    cut = done.cells.filter(pl.col("touches_border"))
    assert cut.height > 20
    assert set(cut["role"]) == {"left out"}
    written = write_count_report(done, tmp_path / "report", pdf=False)
    assert BLOOD in written[0].read_text(encoding="utf-8")
