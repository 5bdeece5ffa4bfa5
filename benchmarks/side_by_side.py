"""Run contestants in turn on the same inputs, and show the medians and the ratios.

Used by the scripts beside it; run by itself it does nothing.
"""

import json
import platform
import statistics
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

SAMPLE = Path(__file__).resolve().parents[2] / "shared" / "data" / "mll-sample"
ROUNDS = 5


def in_turn(
    contestants: Mapping[str, Callable[[], float]], rounds: int = ROUNDS
) -> dict[str, float]:
    """Median rate of each contestant; every round asks all of them, one after the other.

    Args:
        contestants: each returns images per second of one go.
        rounds: a first go of each, in which code is compiled and caches are filled, comes on top
            and does not count.
    """
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, go in contestants.items():
            rate = go()
            if number:
                rates[name].append(rate)
    return {name: statistics.median(values) for name, values in rates.items()}


def versions(*packages: str) -> dict[str, str]:
    """Of these packages and the processor."""
    found = {"processor": processor(), "python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def processor() -> str:
    """Name of the processor as the system gives it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def show(title: str, ours: str, medians: Mapping[str, float], facts: Mapping[str, Any],
         as_json: bool, unit: str = "images/s") -> None:  # fmt: skip
    """Print a table or one JSON object; ratios are ours over each other contestant."""
    ratios = {name: medians[ours] / value for name, value in medians.items() if name != ours}
    if as_json:
        print(json.dumps({"claim": title, "unit": unit, "ours": ours, "median": dict(medians),
                          "ours_over": ratios, **facts}))  # fmt: skip
        return
    print(title)
    width = max(len(name) for name in medians)
    for name, value in medians.items():
        ratio = "" if name == ours else f"   {ours} / it: {ratios[name]:.2f}"
        print(f"  {name:{width}s} {value:10.1f} {unit}{ratio}")
    for name, value in facts.items():
        print(f"  {name}: {value}")
