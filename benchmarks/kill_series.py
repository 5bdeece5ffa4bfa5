"""Commands are killed at random moments: is the old or the new output there, and is nothing left?

Each command first makes its output, then makes another one in its place and is killed (SIGKILL) at
a moment drawn from the time that it takes; at once the output must be the old one or the new one,
whole. Then it runs again: it must succeed, and nothing else may lie beside the output. ``exchange``
replaces a folder again and again until it is killed, in ten processes one after the other.

    python benchmarks/kill_series.py [--kills 10] [--only evaluate] [--seed 0]
"""

import argparse
import hashlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

COMMAND = (sys.executable, "-m", "marrowscope")
_EXCHANGE = """
import sys
from itertools import count
from pathlib import Path
from marrowscope.io.atomic import replacing_folder
for number in count():
    with replacing_folder(Path(sys.argv[1])) as folder:
        for name in "abc":
            (folder / name).write_text(str(number))
"""


@dataclass(frozen=True)
class Trial:
    """One kind of run.

    Attributes:
        name: of it.
        argv: for a seed, in a folder.
        outputs: names of the files and folders in it that are the output; others are left over.
        first: whether an earlier output lies there when the killed run begins.
    """

    name: str
    argv: Callable[[int, Path], list[str]]
    outputs: tuple[str, ...]
    first: bool = True


def trials(shared: Path) -> list[Trial]:
    """All commands, with what they read made in ``shared``."""
    out = "out"
    return [
        Trial("phantom cells", lambda seed, folder: [
            "phantom", "cells", "-o", f"{folder}/{out}", "--per-class", "2", "--seed", str(seed)
        ], (out,)),
        Trial("phantom fields", lambda seed, folder: [
            "phantom", "fields", "-o", f"{folder}/{out}", "--number", "1",
            "--seed", str(seed)
        ], (out,)),
        Trial("phantom slide", lambda seed, folder: [
            "phantom", "slide", "-o", f"{folder}/{out}", "--size", "3000x3000", "--seed", str(seed)
        ], (out,)),
        Trial("evaluate", lambda seed, folder: [
            "evaluate", f"{shared}/predictions{seed}.parquet", "-o", f"{folder}/{out}"
        ], (out,)),
        Trial("detect --crops", lambda seed, folder: [
            "detect", f"{shared}/fields{seed}", "-o", f"{folder}/cells.parquet", "--crops",
            f"{folder}/{out}", "--microns-per-pixel", "0.08625"
        ], (out, "cells.parquet"), first=False),
    ]  # fmt: skip


def prepare(shared: Path) -> None:
    """Fields and predictions of two seeds."""
    for seed in (0, 1):
        _run(["phantom", "cells", "-o", f"{shared}/cells{seed}", "--per-class", "2",
              "--seed", str(seed)])  # fmt: skip
        _run(["index", f"{shared}/cells{seed}", "-o", f"{shared}/cells{seed}.parquet"])
        _run(
            [
                "predict",
                f"{shared}/cells{seed}.parquet",
                "-o",
                f"{shared}/predictions{seed}.parquet",
            ]
        )
        _run(["phantom", "fields", "-o", f"{shared}/fields{seed}", "--number", "1",
              "--seed", str(seed)])  # fmt: skip


def _run(argv: list[str]) -> None:
    done = subprocess.run([*COMMAND, *argv], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)}: {done.stderr[-2000:]}")


def state(folder: Path, outputs: tuple[str, ...], hidden: bool = True) -> str:
    """A digest of the output; of reports the names of their files, for they hold the time.

    Args:
        folder: of the outputs.
        outputs: their names.
        hidden: whether hidden files in them count: not before the next run has tidied up.
    """
    seen = hashlib.sha256()
    for name in outputs:
        place = folder / name
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        for path in (one for one in files if one.is_file()):
            parts = path.relative_to(folder).parts
            if not hidden and any(part.startswith(".") for part in parts):
                continue
            seen.update("/".join(parts).encode())
            if path.suffix in (".png", ".csv", ".tif", ".tiff") and "report" not in str(path):
                seen.update(path.read_bytes())
    return seen.hexdigest()


def series(trial: Trial, kills: int, draw: random.Random) -> list[str]:
    """What went wrong in so many kills of one command."""
    faults = []
    with tempfile.TemporaryDirectory() as base:
        whole: dict[int, tuple[str, float]] = {}
        for seed in (0, 1):
            folder = Path(base) / f"whole{seed}"
            folder.mkdir()
            start = time.monotonic()
            _run(trial.argv(seed, folder))
            whole[seed] = state(folder, trial.outputs), time.monotonic() - start
        for kill in range(kills):
            folder = Path(base) / f"kill{kill}"
            folder.mkdir()
            if trial.first:
                shutil.copytree(Path(base) / "whole0", folder, dirs_exist_ok=True)
            before = state(folder, trial.outputs)
            moment = draw.uniform(0.3, 1.0) * whole[1][1]
            process = subprocess.Popen(
                [*COMMAND, *trial.argv(1, folder)], stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
            time.sleep(moment)
            process.kill()
            process.wait()
            told = f"{trial.name}, killed after {moment:.2f} s"
            found = state(folder, trial.outputs, hidden=False)
            if trial.first and found not in (before, whole[1][0]):
                faults.append(f"{told}: neither the old nor the new output is there")
            if not trial.first and state(folder, trial.outputs) == whole[1][0]:
                continue  # it was done by then, and a folder of crops is not written twice
            again = subprocess.run(
                [*COMMAND, *trial.argv(1, folder)], capture_output=True, text=True, check=False
            )
            if again.returncode:
                faults.append(f"{told}: the next run says {again.stderr.strip()[-200:]}")
                continue
            left = sorted({one.name for one in folder.iterdir()} - set(trial.outputs))
            if left:
                faults.append(f"{told}: left over {', '.join(left)}")
            if state(folder, trial.outputs) != whole[1][0]:
                faults.append(f"{told}: the next run gives another output")
    return faults


def exchanges(kills: int, draw: random.Random) -> list[str]:
    """What went wrong when a folder was replaced again and again, and its writer killed."""
    faults = []
    with tempfile.TemporaryDirectory() as base:
        place = Path(base) / "out"
        for _ in range(kills):
            process = subprocess.Popen([sys.executable, "-c", _EXCHANGE, place])
            while not place.exists():
                time.sleep(0.01)
            time.sleep(draw.uniform(0.3, 1.0))
            process.kill()
            process.wait()
            numbers = {(place / name).read_text() for name in "abc"} if place.is_dir() else set()
            if len(numbers) != 1:
                faults.append(f"exchange: the folder holds {numbers or 'nothing'}")
        code = _EXCHANGE.replace("count()", "range(1)")
        subprocess.run([sys.executable, "-c", code, place], check=True)
        left = sorted(one.name for one in Path(base).iterdir() if one.name != "out")
        if left:
            faults.append(f"exchange: left over {', '.join(left)}")
    return faults


def main() -> None:
    """Run the series and print what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--only", default="")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as shared:
        prepare(Path(shared))
        for trial in trials(Path(shared)):
            if options.only in trial.name:
                faults = series(trial, options.kills, draw)
                print(f"{trial.name}: {options.kills} kills, {len(faults)} wrong", flush=True)
                print("".join(f"  {line}\n" for line in faults), end="", flush=True)
    if options.only in "exchange":
        faults = exchanges(options.kills, draw)
        print(f"exchange of folders: {options.kills} kills, {len(faults)} wrong")
        print("".join(f"  {line}\n" for line in faults), end="")


if __name__ == "__main__":
    main()
