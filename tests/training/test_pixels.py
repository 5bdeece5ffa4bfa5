"""Training pixels: the same from memory and from files; a bad file is named."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from marrowscope.errors import InputError
from marrowscope.training import pixels as module
from marrowscope.training.pixels import Pixels


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    random = np.random.default_rng(0)
    made = []
    for number, side in enumerate((250, 250, 100, 400)):
        path = tmp_path / f"{number}.png"
        cv2.imwrite(str(path), random.integers(0, 256, (side, side, 3), dtype=np.uint8))
        made.append(str(path))
    return made


def test_memory_and_files_give_the_same_pixels(
    paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.array([3, 0, 2, 2])
    stored = Pixels(paths)
    assert stored.in_memory
    monkeypatch.setattr(module, "_free_memory", lambda: 0)
    streamed = Pixels(paths)
    assert not streamed.in_memory
    assert stored.batch(rows).shape == (4, 250, 250, 3)
    assert (stored.batch(rows) == streamed.batch(rows)).all()
    assert len(stored) == len(streamed) == 4


def test_channels_come_in_the_order_red_green_blue(tmp_path: Path) -> None:
    blue_green_red = np.zeros((250, 250, 3), dtype=np.uint8)
    blue_green_red[..., 2] = 200  # red
    cv2.imwrite(str(tmp_path / "red.png"), blue_green_red)
    pixel = Pixels([str(tmp_path / "red.png")]).batch(np.array([0]))[0, 5, 5]
    assert pixel.tolist() == [200, 0, 0]


def test_reading_reports_every_image_once(paths: list[str]) -> None:
    seen: list[tuple[int, int | None]] = []
    Pixels(paths, lambda count, total=None: seen.append((count, total)))
    assert seen == [(1, 4)] * 4


def test_the_first_unreadable_image_is_named_and_all_are_counted(
    paths: list[str], tmp_path: Path
) -> None:
    (tmp_path / "text.jpg").write_text("not an image")
    with pytest.raises(InputError, match=r"text\.jpg.*\(2 of 6 images cannot be read"):
        Pixels([*paths, str(tmp_path / "text.jpg"), str(tmp_path / "gone.jpg")])
