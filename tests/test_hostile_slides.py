"""Mutated slides of every kind end with pixels or one line: no hang, no crash, bounded memory."""

import subprocess
import sys
from pathlib import Path

import pytest

from support.hostile_slides import KINDS, look_at, mutated

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "hostile_slides.py"


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_slide_is_read_and_a_mutation_is_always_the_same(
    kind: str, tmp_path: Path
) -> None:
    name, write = KINDS[kind]
    path = write(tmp_path / name)
    assert look_at(path) == "read"
    data = path.read_bytes()
    assert mutated(data, 7) == mutated(data, 7) != data


# Mutations that once crashed OpenSlide while it read pixels, had a property without a text, or a
# compression or bits that do not fit into their tag.
@pytest.mark.parametrize(
    ("kind", "number"),
    [("dicom", 3287), ("dicom", 5727), ("aperio", 1033), ("strips", 22003), ("strips", 391)],
)
def test_what_once_failed_is_read_or_refused(kind: str, number: int, tmp_path: Path) -> None:
    name, write = KINDS[kind]
    path = write(tmp_path / name)
    path.write_bytes(mutated(path.read_bytes(), number))
    assert look_at(path) in ("read", "damaged", "refused")


@pytest.mark.slow
def test_three_hundred_mutations_are_clean() -> None:
    command = [sys.executable, SCRIPT, "--number", "300", "--first", "200000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 faults" in done.stdout
