"""The count of a smear: the same however it is worked on, and it ends where it should."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from marrowscope.counting.count_smear import NON_CELL_REASONS, UNFIT, CountSettings, count_smear
from marrowscope.counting.smear_count import SmearCount
from marrowscope.counting.smear_sources import open_smears
from marrowscope.differential.held_out_answers import held_out_from_table
from marrowscope.errors import InputError
from marrowscope.io.image_decoding import decode
from marrowscope.io.image_encoding import encode_jpeg, encode_png
from marrowscope.phantom.cell_library import CellLibrary
from marrowscope.phantom.field_settings import FieldSettings
from marrowscope.phantom.synthetic_field import draw_field
from support.slide_files import damage_tile, draw_cells, on_glass, write_pyramid
from support.smears import CARD, ONLY_TWO, PIXEL, ByColour, counted, piece, write_slide


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("smear")
    for number in range(8):
        (folder / f"{number}.png").write_bytes(encode_png(piece(number)))
    return folder


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # 1.2 mm wide: five fields of 211 µm across.
    return write_slide(tmp_path_factory.mktemp("slide") / "marrow.tif", piece(1, 1200))


def assert_same(one: SmearCount, two: SmearCount) -> None:
    assert_frame_equal(one.cells, two.cells)
    assert dict(one.thumbnails) == dict(two.thumbnails)
    assert list(one.thumbnails) == list(two.thumbnails)
    assert one.fields == two.fields
    assert one.remarks == two.remarks
    assert one.corrupt == two.corrupt
    assert one.differential.classes == two.differential.classes


def test_a_slide_is_counted_the_same_by_one_worker_and_by_five(slide: Path) -> None:
    one, five = (counted([slide], CountSettings(150, workers=n)) for n in (1, 5))
    assert_same(one, five)
    assert one.overview is not None
    assert 1 < len(one.fields) < one.planned == len(one.overview.plan.fields)


def test_it_ends_with_the_first_field_with_which_there_are_enough(slide: Path) -> None:
    result = counted([slide], CountSettings(150))
    plan = result.overview.plan.fields  # type: ignore[union-attr]
    assert [field.name for field in result.fields] == [
        field.name for field in plan[: len(result.fields)]
    ]
    assert [field.order for field in result.fields] == list(range(len(result.fields)))
    countable = [field.countable for field in result.fields]
    assert sum(countable) >= 150 > sum(countable[:-1])
    assert result.differential.tally.countable == sum(countable)
    assert result.differential.progress.target == 150
    per_field = result.cells.group_by("field_id", maintain_order=True).len()
    assert per_field.rows() == [(field.name, field.cells) for field in result.fields]
    roles = result.cells["role"].value_counts()
    assert dict(roles.rows())["counted"] == sum(countable)


def test_cells_of_a_slide_lie_in_their_field_whole_and_once(slide: Path) -> None:
    result = counted([slide], CountSettings(10_000))
    assert len(result.fields) == result.planned
    assert result.cells["cell_id"].is_unique().all()
    assert not result.cells["touches_border"].any()
    boxes = {field.name: field for field in result.fields}
    for name, x, y in result.cells.select("field_id", "x", "y").rows():
        field = boxes[name]
        assert field.x - 2 <= x < field.x + field.width + 2  # 1 µm
        assert field.y - 2 <= y < field.y + field.height + 2
    places = result.cells.select("x", "y").to_numpy()
    apart = np.hypot(*(places[:, None] - places[None]).transpose(2, 0, 1)) * PIXEL
    assert apart[~np.eye(len(places), dtype=bool)].min() > 2  # µm
    assert "exhausted" in " ".join(result.remarks)


def test_fields_are_counted_in_their_order_and_what_the_border_cuts_is_left_out(
    fields: Path,
) -> None:
    result = counted([fields], CountSettings(200))
    assert [field.name for field in result.fields] == [
        f"{number}.png" for number in range(len(result.fields))
    ]
    assert len(result.fields) < 8 == result.planned
    assert result.overview is None
    cut = result.cells.filter("touches_border")
    assert cut.height > 0
    assert set(cut["role"]) == {"left out"}
    assert result.differential.tally.left_out == {"cut by the border of its field": cut.height}
    assert not set(cut["cell_id"]) & set(result.thumbnails)
    # Folder or files, in whatever number of workers: the same.
    files = [fields / f"{number}.png" for number in range(8)]
    again = counted(files, CountSettings(200, workers=3))
    assert again.cells["x"].to_list() == result.cells["x"].to_list()
    assert again.differential.classes == result.differential.classes


def test_naked_nuclei_and_smudges_are_left_out_with_their_number(tmp_path: Path) -> None:
    odd = FieldSettings(
        width=1800, height=1500, cells_per_mm2=5000, touching=0, excluded=0.5,
        composition={"NIF": 1, "NGS": 1, "KSC": 1, "ART": 1},
    )  # fmt: skip
    field = draw_field(odd, 3, CellLibrary(odd.microns_per_pixel, 31))
    (tmp_path / "odd.png").write_bytes(encode_png(field.image))
    card = replace(CARD, known=("NGS", "LYT"))
    (smear,), _ = open_smears([tmp_path / "odd.png"], odd.microns_per_pixel)
    result = count_smear(smear, ByColour(("NGS", "LYT")), card, CountSettings(10_000))
    told = result.cells.filter(pl.col("kind") != "cell")
    assert told.height >= 4
    assert set(told["role"]) == {"left out"}
    left_out = dict(result.differential.tally.left_out)
    left_out.pop("cut by the border of its field")
    assert left_out == {
        NON_CELL_REASONS[kind]: number
        for kind, number in told.filter("judgeable")["kind"].value_counts().rows()
    } | ({UNFIT: left_out[UNFIT]} if UNFIT in left_out else {})
    # A model that was taught these classes decides itself.
    taught = count_smear(smear, ByColour(("NGS", "LYT")), CARD, CountSettings(10_000))
    assert set(CARD.known) >= {"NIF", "ART", "KSC"}
    assert not set(taught.differential.tally.left_out) & set(NON_CELL_REASONS.values())
    assert_frame_equal(taught.cells.drop("role"), result.cells.drop("role"))


def test_pictures_show_the_field_and_the_cells(fields: Path) -> None:
    result = counted([fields / "0.png"])
    picture = decode(result.fields[0].picture, "picture")
    assert picture.shape == piece(0).shape
    assert abs(picture.astype(int) - piece(0).astype(int)).mean() < 4
    for name, jpeg in result.thumbnails.items():
        assert decode(jpeg, name).shape == (250, 250, 3)


def test_memory_holds_a_few_crops_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "crowd.png").write_bytes(encode_png(piece(3, 500, 2500)))
    engine = ByColour(("NGS", "LYT"))
    result = counted([tmp_path / "crowd.png"], CountSettings(10_000), engine)
    assert result.cells.height > 400
    assert engine.largest_batch <= 32
    assert len(result.thumbnails) <= 2 * 24


def test_unsure_cells_do_not_count_towards_what_is_wanted(fields: Path) -> None:
    sure = counted([fields], CountSettings(100, min_confidence=0.7))
    plain = counted([fields], CountSettings(100))
    assert len(sure.fields) > len(plain.fields)
    counts = sure.cells.filter(pl.col("role") == "counted")
    assert counts.height >= 100
    assert counts["confidence"].min() >= 0.7  # type: ignore[operator]
    assert sure.differential.tally.not_classified["confidence below the threshold"] > 0


def test_held_out_answers_correct_the_shares(fields: Path) -> None:
    codes = ByColour().codes
    table = pl.DataFrame(
        [(code, code, sure) for code in codes for sure in (0.5, 0.9) for _ in range(40)],
        schema=["label", "predicted", "confidence"],
        orient="row",
    )
    held_out = held_out_from_table(table)
    result = counted([fields], CountSettings(100, held_out=held_out, held_out_source="answers"))
    assert result.held_out_source == "answers"
    blasts = result.differential.blasts
    assert blasts.corrected is not None
    assert blasts.corrected.low <= blasts.counted.value <= blasts.corrected.high


def test_a_damaged_field_is_named_and_the_others_are_counted(fields: Path, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(encode_jpeg(piece(number)))
    whole = (tmp_path / "1.jpg").read_bytes()
    (tmp_path / "1.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "3.jpg").write_text("this is no image")
    result = counted([tmp_path])
    assert [field.name for field in result.fields] == ["0.jpg", "2.jpg"]
    assert len(result.corrupt) == 2
    assert any("2 field images could not be read" in line for line in result.remarks)


def test_damaged_tiles_are_counted_alike_whatever_the_workers(tmp_path: Path) -> None:
    picture = on_glass(piece(1, 900), 200)
    copy = write_pyramid(tmp_path / "damaged.tif", picture, 3, tile=(256, 256))
    for tile in (23, 40):  # of 9 in a row
        damage_tile(copy, tile)
    one, five = (counted([copy], CountSettings(150, workers=n)) for n in (1, 5))
    assert_same(one, five)
    everything = counted([copy], CountSettings(10_000))
    assert len(everything.corrupt) == 2
    assert any("2 pieces of the slide" in line for line in everything.remarks)


def test_a_blurred_field_is_not_counted_and_a_thick_one_with_doubt(tmp_path: Path) -> None:
    pictures = [piece(0), cv2.GaussianBlur(piece(1), (0, 0), 2.5), draw_cells(300, 300, 4, 1500)]
    for number, picture in enumerate(pictures):
        (tmp_path / f"{number}.png").write_bytes(encode_png(picture))
    result = counted([tmp_path])
    assert [field.name for field in result.fields] == ["0.png", "2.png"]
    remarks = " ".join(result.remarks)
    assert "1 field not counted: out of focus" in remarks
    assert [why for _, why in result.not_counted] == ["out of focus"]
    assert "1 field counted with doubt: cells on top of each other" in remarks


def test_remarks_tell_what_a_reader_must_know_the_users_first(fields: Path) -> None:
    settings = CountSettings(5000, pixel_size_stated=True, remarks=("Blood, not marrow",))
    result = counted([fields], settings)
    remarks = result.remarks
    assert remarks[0] == "Blood, not marrow"
    assert "in all 8 fields together" in remarks[1]
    assert any("5.8 times as coarse" in line for line in remarks)
    assert any("0.5 µm was stated by the user" in line for line in remarks)
    assert result.card == CARD


def test_cells_unlike_anything_known_are_counted_apart(fields: Path) -> None:
    plain = counted([fields], CountSettings(10_000))
    result = counted([fields], CountSettings(10_000, novelty=ONLY_TWO))
    assert "novel" not in plain.cells.columns
    assert plain.differential.tally.novel is None
    # Nothing else of a cell changes but its role.
    assert_frame_equal(result.cells.drop("novelty", "novel", "role"), plain.cells.drop("role"))
    looked_at = result.cells.filter(pl.col("role") != "left out")
    novel = looked_at.filter("novel")
    assert set(novel["predicted"]) == {"EBO", "BLA", "NIF", "ART"}
    assert set(looked_at.filter(~pl.col("novel"))["predicted"]) == {"NGS", "LYT"}
    assert set(novel["role"]) == {"novel"}
    assert novel["novelty"].min() > ONLY_TWO.limit  # type: ignore[operator]
    tally = result.differential.tally
    assert tally.novel == novel.height
    assert tally.countable == looked_at.height - novel.height
    assert tally.counted["BLA"] == 0 < plain.differential.tally.counted["BLA"]
    (line,) = [line for line in result.remarks if "unlike anything" in line]
    assert line.startswith(f"{novel.height} of {looked_at.height} cells (")
    shown = novel.filter(pl.col("cell_id").is_in(list(result.thumbnails)))
    assert shown.height == 12  # all are equally unlike: the most and the least are the same ones
    # The correction is of the familiar cells: the held-out answers say nothing of the others.
    codes = ByColour().codes
    table = pl.DataFrame({"label": codes * 40, "predicted": codes * 40, "confidence": [0.9] * 240})
    settings = CountSettings(10_000, held_out=held_out_from_table(table), novelty=ONLY_TWO)
    corrected = counted([fields], settings).differential
    assert corrected.blasts.corrected is not None
    assert corrected.blasts.corrected.value == pytest.approx(0, abs=1e-6)


def test_a_smear_of_nothing_known_has_no_count(fields: Path) -> None:
    with pytest.raises(InputError, match="is countable"):
        counted([fields], CountSettings(100, novelty=replace(ONLY_TWO, limit=0.0)))
