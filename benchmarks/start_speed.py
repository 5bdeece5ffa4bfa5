"""How long commands take to start: seconds of ``--help`` and of ``predict`` with one image.

Every run is a process of its own. The smallest wall time of some runs is what an idle machine
takes; processor time hardly depends on what else runs. Imports are added up from
``python -X importtime``.

    python benchmarks/start_speed.py [--runs 5] [--slowest 10]
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARS = {"--help": 0.3, "predict": 1.5}  # seconds on two cores, start included
LIBRARIES = ("torch", "numba", "scipy", "matplotlib", "sklearn", "jinja2", "numpy", "polars",
             "cv2", "openvino")  # fmt: skip
_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|( *)(\S+)")


def timed(words: list[str], runs: int) -> tuple[float, float]:
    """Smallest wall time and smallest processor time (user and system) of a command, in s."""
    walls, processors = [], []
    for _ in range(runs):
        before, began = os.times(), time.perf_counter()
        subprocess.run(words, check=True, capture_output=True)
        walls.append(time.perf_counter() - began)
        after = os.times()
        processors.append(
            after.children_user + after.children_system
            - before.children_user - before.children_system
        )  # fmt: skip
    return min(walls), min(processors)


def imports(words: list[str]) -> list[tuple[float, str]]:
    """Seconds of every module's own code, of one run."""
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    return [(int(line[1]) / 1e6, line[4]) for line in _LINE.finditer(done.stderr)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--slowest", type=int, default=10, help="modules to list")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, python = Path(name), sys.executable
        cells = folder / "cells"
        marrowscope = ["-m", "marrowscope"]
        subprocess.run([python, *marrowscope, "phantom", "cells", "-o", cells, "--per-class", "1",
                        "--no-masks"], check=True, capture_output=True)  # fmt: skip
        image = next(path for path in sorted(cells.rglob("*.*")) if path.suffix in (".png", ".jpg"))
        calls = {
            "--help": [*marrowscope, "--help"],
            "predict": [*marrowscope, "predict", str(image), "-o", str(folder / "one.csv")],
        }
        print(f"{'':10}{'wall s':>8}{'bar s':>8}{'CPU s':>8}{'imports s':>11}{'modules':>9}")
        for title, call in calls.items():
            wall, processor = timed([python, *call], options.runs)
            found = imports([python, "-X", "importtime", *call])
            total = sum(seconds for seconds, _ in found)
            print(f"{title:10}{wall:8.2f}{BARS[title]:8.1f}{processor:8.2f}{total:11.2f}"
                  f"{len(found):9}")  # fmt: skip
            tops: dict[str, float] = {}
            for seconds, module in found:
                top = module.partition(".")[0]
                tops[top] = tops.get(top, 0.0) + seconds
            slowest = sorted(tops.items(), key=lambda pair: -pair[1])[: options.slowest]
            print("  " + ", ".join(f"{module} {seconds:.2f}" for module, seconds in slowest))
            there = {module for _, module in found}
            print("  libraries: " + (", ".join(n for n in LIBRARIES if n in there) or "none"))


if __name__ == "__main__":
    main()
