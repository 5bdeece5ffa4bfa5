"""A long prediction keeps its answers, and goes on with those that still hold."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from marrowscope.inference import batch_prediction
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.resume_cache import (
    PredictionPart,
    ResumeCache,
    load_part,
    prediction_identity,
    save_part,
)
from marrowscope.io.image_encoding import encode_png
from marrowscope.models.bundle import load_bundle
from marrowscope.phantom.synthetic_cell import draw_cell


class Engine:
    """Answers by the first pixel, and counts the images that it sees."""

    name, classes, batch_size = "counting", ("BLA", "LYT"), 2

    def __init__(self, most: int = 10**9) -> None:
        self.seen, self.most = 0, most

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        if self.seen + len(images) > self.most:
            raise KeyboardInterrupt
        self.seen += len(images)
        first = images[:, 0, 0, 0].astype(np.float32) / 255
        return np.stack([first, 1 - first], axis=1)


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pl.DataFrame:
    """Ten images, of which the fourth is damaged, and parts of four rows."""
    monkeypatch.setattr(batch_prediction, "ROWS_PER_PART", 4)
    paths = []
    for number in range(10):
        path = tmp_path / f"{number}.png"
        path.write_bytes(encode_png(np.full((250, 250, 3), 20 * number, np.uint8)))
        paths.append(str(path))
    Path(paths[3]).write_bytes(b"no image")
    return pl.DataFrame({"path": paths})


def test_a_stopped_run_goes_on_with_the_same_result(table: pl.DataFrame, tmp_path: Path) -> None:
    whole = predict_table(Engine(), table)
    parts = ResumeCache(tmp_path / "out.answers", "a")
    with pytest.raises(KeyboardInterrupt):
        predict_table(Engine(most=8), table, parts=parts)
    assert parts.has_parts
    again = Engine()
    done: list[int] = []
    found = predict_table(again, table, parts=parts, advance=lambda more, total: done.append(more))
    assert again.seen == 2  # of ten, one damaged, eight in finished parts
    assert sum(done) == 10
    assert found.equals(whole)
    parts.clear()
    assert not parts.folder.exists()


def test_answers_of_another_model_or_of_changed_images_are_not_taken(
    table: pl.DataFrame, tmp_path: Path
) -> None:
    folder = tmp_path / "out.answers"
    predict_table(Engine(), table, parts=ResumeCache(folder, "a"))
    other = Engine()
    predict_table(other, table, parts=ResumeCache(folder, "b"))
    assert other.seen == 9
    Path(table["path"][0]).write_bytes(encode_png(np.full((250, 250, 3), 250, np.uint8)))
    os.utime(table["path"][0], ns=(1, 1))
    changed = Engine()
    found = predict_table(changed, table, parts=ResumeCache(folder, "a"))
    assert changed.seen == 3
    assert found["predicted"][0] == "BLA"
    sized = Engine()
    predict_table(sized, table, 0.1, parts=ResumeCache(folder, "a"))
    assert sized.seen == 9


def test_an_image_that_could_not_be_read_is_tried_again(
    table: pl.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = ResumeCache(tmp_path / "out.answers", "a")
    whole = batch_prediction._load

    def locked(path: str | None, size: float | None, pixels: np.ndarray) -> object:
        if path == table["path"][1]:
            return batch_prediction._ImageStatus("Permission denied")
        return whole(path, size, pixels)

    monkeypatch.setattr(batch_prediction, "_load", locked)
    first = predict_table(Engine(), table, parts=parts)
    assert first["error"][1] == "Permission denied"
    monkeypatch.setattr(batch_prediction, "_load", whole)
    again = Engine()
    second = predict_table(again, table, parts=parts)
    assert again.seen == 1
    assert second.equals(predict_table(Engine(), table))


def test_few_images_leave_no_trace(table: pl.DataFrame, tmp_path: Path) -> None:
    predict_table(Engine(), table.head(4), parts=ResumeCache(tmp_path / "out.answers", "a"))
    assert not (tmp_path / "out.answers").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 torn", None])
def test_a_damaged_part_is_made_again(tmp_path: Path, content: bytes | None) -> None:
    place = tmp_path / "part.npz"
    answers = PredictionPart(
        np.ones((2, 3), np.float32), [None, "bad"], ["aa", ""], ["16-bit to 8-bit", None]
    )
    save_part(place, answers)
    again = load_part(place, 2, 3)
    assert again is not None
    assert (again.errors, again.hashes) == (answers.errors, answers.hashes)
    assert again.notes == answers.notes
    assert load_part(place, 3, 3) is None
    assert load_part(place, 2, 4) is None
    if content is None:
        whole = bytearray(place.read_bytes())
        whole[whole.index(b"values.npy") + 140] ^= 255
        content = bytes(whole)
    place.write_bytes(content)
    assert load_part(place, 2, 3) is None


def test_only_parts_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "out.answers"
    folder.mkdir()
    (folder / "mine.npz").write_bytes(b"")
    parts = ResumeCache(folder, "a")
    unfinished = folder / f".{'0' * 32}-ab_9xyz1.npz"  # of a run killed while it wrote
    unfinished.write_bytes(b"")
    assert not parts.has_parts
    (folder / f"{'0' * 32}.npz").write_bytes(b"")
    assert parts.has_parts
    parts.clear()
    assert [path.name for path in folder.iterdir()] == ["mine.npz"]
    assert not parts.has_parts


def test_the_identity_follows_model_and_settings() -> None:
    bundle = load_bundle("sequential-mll7")
    assert prediction_identity(bundle, "int8", True) == prediction_identity(bundle, "int8", True)
    assert prediction_identity(bundle, "int8", True) != prediction_identity(bundle, "int8", False)


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_a_killed_command_goes_on(tmp_path: Path) -> None:
    image = tmp_path / "cell.png"
    image.write_bytes(encode_png(draw_cell("LYT", 1).image))
    # The same image over and over: a table, for a folder would have it once.
    listed, output = tmp_path / "many.csv", tmp_path / "out.csv"
    pl.DataFrame({"path": [str(image)] * 400}).write_csv(listed)
    program = (
        "from marrowscope.inference import batch_prediction as b; b.ROWS_PER_PART = 64\n"
        "from marrowscope.cli import main; main()"
    )
    command = [sys.executable, "-c", program, "predict", str(listed),
               "-o", str(output)]  # fmt: skip
    folder = tmp_path / "out.csv.answers"
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 240
    # Not the hidden name under which a part is still being written.
    while not list(folder.glob("[!.]*.npz")) and time.monotonic() < until:
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert not output.exists()
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "continuing an earlier run" in again.stderr
    assert pl.read_csv(output).height == 400
    assert not folder.exists()
