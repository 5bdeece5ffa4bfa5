"""Squares of hand-made smears get the verdict that they were made for."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.io.image_encoding import encode_png
from marrowscope.slides.open_slide import open_slide
from marrowscope.smear.contour import smear_contour
from marrowscope.smear.field_plan import plan_fields
from marrowscope.smear.quality_map import QualityMap, RejectionReason
from marrowscope.smear.suitability import map_field_quality, map_smear_quality
from support.slide_files import draw_cells, on_glass, write_pyramid

SIDE = 500.0  # µm of a piece
PIECES = {
    RejectionReason.ACCEPTED: draw_cells(SIDE, SIDE, 0.4, 1500),
    RejectionReason.THICK: draw_cells(SIDE, SIDE, 4.0, 1500),
    RejectionReason.DILUTED: draw_cells(SIDE, SIDE, 0.4, 30),
    RejectionReason.EMPTY: draw_cells(SIDE, SIDE, 0.01, 0),
}
PIECES[RejectionReason.OUT_OF_FOCUS] = cv2.GaussianBlur(
    PIECES[RejectionReason.ACCEPTED], (0, 0), 2.0
)
PIECES[RejectionReason.PALE] = np.round(
    240 * (PIECES[RejectionReason.ACCEPTED] / 240.0) ** 0.45
).astype(np.uint8)  # fmt: skip


def quality_map(picture: NDArray[np.uint8], folder: Path, workers: int = 1) -> QualityMap:
    slide = open_slide(
        write_pyramid(folder / "slide.tif", picture, 3, tile=(256, 256), compression=None), 0.5
    )
    return map_smear_quality(slide, smear_contour(slide), workers)


@cache
def smear_of_pieces() -> QualityMap:
    """Good, thick, diluted and good pieces side by side, then blurred, pale and good ones."""
    kinds = [
        [
            RejectionReason.ACCEPTED,
            RejectionReason.THICK,
            RejectionReason.ACCEPTED,
            RejectionReason.DILUTED,
        ],
        [
            RejectionReason.ACCEPTED,
            RejectionReason.OUT_OF_FOCUS,
            RejectionReason.ACCEPTED,
            RejectionReason.PALE,
        ],
    ]
    picture = np.vstack([np.hstack([PIECES[kind] for kind in row]) for row in kinds])
    return quality_map(on_glass(picture, 200), Path(mkdtemp()))


@pytest.mark.parametrize(
    ("kind", "row", "column"),
    [
        (RejectionReason.ACCEPTED, 0, 0),
        (RejectionReason.THICK, 0, 1),
        (RejectionReason.DILUTED, 0, 3),
        (RejectionReason.ACCEPTED, 1, 2),
        (RejectionReason.OUT_OF_FOCUS, 1, 1),
        (RejectionReason.PALE, 1, 3),
    ],
)
def test_each_piece_is_judged_for_what_it_is(kind: RejectionReason, row: int, column: int) -> None:
    found = smear_of_pieces()
    assert found.side == 200  # px of 0.5 µm
    # A piece is five squares wide and begins with the second; its outermost touch other pieces.
    inner = found.reason[5 * row + 2 : 5 * row + 5, 5 * column + 2 : 5 * column + 5]
    assert (inner == kind).mean() >= 8 / 9


def test_glass_is_outside_and_has_no_quality() -> None:
    found = smear_of_pieces()
    assert (found.reason[0] == RejectionReason.OUTSIDE).all()
    assert (found.reason[:, -1] == RejectionReason.OUTSIDE).all()
    assert (found.quality[found.reason != RejectionReason.ACCEPTED] == 0).all()
    assert (found.quality[found.reason == RejectionReason.ACCEPTED] > 0).all()


def test_expected_cells_are_those_that_were_drawn() -> None:
    found = smear_of_pieces()
    good = found.reason[1:6, 1:6] == RejectionReason.ACCEPTED
    assert found.cells[1:6, 1:6][good].mean() == pytest.approx(15, rel=0.25)  # 1,500 per mm²


def test_a_slide_is_judged_the_same_by_one_thread_and_by_three(tmp_path: Path) -> None:
    picture = on_glass(PIECES[RejectionReason.ACCEPTED], 200)
    one, two = (quality_map(picture, tmp_path, workers) for workers in (1, 3))
    assert np.array_equal(one.reason, two.reason)
    assert np.array_equal(one.quality, two.quality)


@cache
def good_and_thick() -> QualityMap:
    pieces = np.hstack([PIECES[RejectionReason.ACCEPTED], PIECES[RejectionReason.THICK]])
    return quality_map(on_glass(pieces, 200), Path(mkdtemp()))


@pytest.mark.parametrize("brightness", [0.6, 1.05])
@pytest.mark.parametrize("tint", [(1.0, 1.0, 1.0), (1.0, 0.95, 0.85)])
def test_light_and_its_colour_change_no_verdict(
    brightness: float, tint: tuple[float, float, float], tmp_path: Path
) -> None:
    picture = on_glass(
        np.hstack([PIECES[RejectionReason.ACCEPTED], PIECES[RejectionReason.THICK]]), 200
    )
    reference = good_and_thick()
    lit = np.clip(picture * brightness * np.array(tint), 0, 255).astype(np.uint8)
    assert (quality_map(lit, tmp_path).reason == reference.reason).mean() > 0.95


@pytest.mark.parametrize("light", [(1.0, 0.95, 0.85), (0.55, 0.55, 0.5)])
def test_a_smear_on_glass_of_another_light_is_judged_in_its_own(
    light: tuple[float, float, float], tmp_path: Path
) -> None:
    piece = np.hstack([PIECES[RejectionReason.ACCEPTED], PIECES[RejectionReason.THICK]])
    found = quality_map(on_glass((piece * np.array(light)).astype(np.uint8), 200), tmp_path)
    assert (found.reason == good_and_thick().reason).mean() > 0.9
    assert good_and_thick().light_phrase() is None
    assert (found.light_phrase() or "").endswith(
        "than the glass beside it (240 240 240), and was judged in its own light"
    )


@pytest.mark.parametrize("margin", [20, 100])
def test_a_field_on_a_white_page_is_judged_in_its_own_light(margin: int, tmp_path: Path) -> None:
    piece = (PIECES[RejectionReason.ACCEPTED][:500, :500] * (0.75, 0.68, 0.5)).astype(np.uint8)
    page = np.pad(piece, ((margin, margin), (margin, margin), (0, 0)), constant_values=255)
    (tmp_path / "page.png").write_bytes(encode_png(page))
    found = map_field_quality(open_slide(tmp_path / "page.png", 0.5))
    assert found.reason.tolist() == [[RejectionReason.ACCEPTED]]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (RejectionReason.DILUTED, "blood rather than marrow, 1 nucleated cell to"),
        (RejectionReason.OUT_OF_FOCUS, "out of focus"),
        (RejectionReason.THICK, "cells on top of each other"),
    ],
)
def test_a_smear_of_one_fault_is_refused_by_name(
    kind: RejectionReason, words: str, tmp_path: Path
) -> None:
    path = write_pyramid(tmp_path / "slide.tif", on_glass(PIECES[kind], 200), 3, compression=None)
    slide = open_slide(path, 0.5)
    with pytest.raises(InputError) as caught:
        plan_fields(slide, map_smear_quality(slide, smear_contour(slide)))
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def photo() -> NDArray[np.uint8]:
    """A landscape: sky, a meadow, and a house with windows."""
    picture = np.zeros((900, 1200, 3), np.uint8)
    picture[:400], picture[400:] = (120, 170, 230), (70, 130, 40)
    picture[250:600, 300:700] = (170, 150, 110)
    picture[300:400, 350:450] = (40, 40, 50)
    noise = np.random.default_rng(0).normal(0, 8, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("grey", [False, True])
def test_a_photo_is_no_smear(grey: bool, tmp_path: Path) -> None:
    picture = photo()
    if grey:
        picture = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    (tmp_path / "photo.png").write_bytes(encode_png(picture))
    slide = open_slide(tmp_path / "photo.png", 0.25)
    found = map_field_quality(slide)
    with pytest.raises(InputError, match="no Romanowsky stain"):
        plan_fields(slide, found)


def test_fields_are_judged_one_by_one(tmp_path: Path) -> None:
    kinds = (
        RejectionReason.ACCEPTED,
        RejectionReason.THICK,
        RejectionReason.OUT_OF_FOCUS,
        RejectionReason.EMPTY,
        RejectionReason.ACCEPTED,
    )
    for number, kind in enumerate(kinds):
        (tmp_path / f"{number}.png").write_bytes(encode_png(PIECES[kind]))
    (tmp_path / "5.png").write_text("damaged")
    slide = open_slide(tmp_path, 0.5)
    found = map_field_quality(slide)
    assert found.reason[0].tolist() == list(kinds)
    plan = plan_fields(slide, found)
    assert [field.name for field in plan.fields] == ["0.png", "4.png"]
    assert len(slide.corrupt) == 1
