"""From pyproject.toml to whether core and extras resolve on every platform and Python.

``python tools/resolve_everywhere.py`` asks uv for the packages of the core and of ``all`` on Linux,
macOS and Windows with each supported Python, from wheels alone: what would have to be compiled
counts as not resolved. It prints a table and ends with 1 if a cell of it is empty. Nothing is
installed; it needs a package index and takes some seconds, minutes when uv's cache is empty.
"""

import argparse
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLATFORMS = ("linux", "macos", "windows")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SELECTIONS = ("", "all")  # the core, and the extra that holds all others
_TRIED_TWICE = re.compile(r"timed? ?out|connection|temporar|502|503|429", re.IGNORECASE)


def command(extra: str, platform: str, python: str, uv: str) -> list[str]:
    """What asks uv for the packages of one selection on one platform."""
    words = [uv, "pip", "compile", "--quiet", "--no-header", "--no-annotate"]
    words += ["--python-platform", platform, "--python-version", python]
    words += ["--only-binary", ":all:"]
    return [*words, *(("--extra", extra) if extra else ()), str(ROOT / "pyproject.toml")]


def packages(text: str) -> list[str]:
    """Names in what uv printed."""
    return [line.partition("==")[0] for line in text.splitlines() if "==" in line]


def resolve(extra: str, platform: str, python: str, uv: str) -> tuple[int, str]:
    """How many packages there are, or 0 and the reason in one line."""
    words = command(extra, platform, python, uv)
    for _ in range(2):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return len(packages(done.stdout)), ""
        if not _TRIED_TWICE.search(done.stderr):
            break
    return 0, " ".join(done.stderr.split())[:400]


def find_uv() -> str:
    """The program, beside this Python or on the path.

    Raises:
        SystemExit: it is not there.
    """
    beside = shutil.which("uv", path=str(Path(sys.executable).parent))
    found = beside or shutil.which("uv")
    if found is None:
        sys.exit("resolve_everywhere: uv is not installed; pip install uv")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 if something does not resolve."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--python", nargs="+", default=PYTHONS, metavar="VERSION")
    parser.add_argument("--platform", nargs="+", default=PLATFORMS, choices=PLATFORMS)
    options, uv = parser.parse_args(arguments), find_uv()
    cells = list(product(SELECTIONS, options.platform, options.python))
    with ThreadPoolExecutor(8) as pool:
        found = dict(zip(cells, pool.map(lambda cell: resolve(*cell, uv), cells), strict=True))
    print(f"{'packages':18}" + "".join(f"{version:>8}" for version in options.python))
    for extra, platform in product(SELECTIONS, options.platform):
        counts = [found[extra, platform, version][0] or "-" for version in options.python]
        print(f"{extra or 'core':8}{platform:10}" + "".join(f"{count:>8}" for count in counts))
    failed = {cell: reason for cell, (count, reason) in found.items() if not count}
    for (extra, platform, version), reason in failed.items():
        print(f"{extra or 'core'}, {platform}, Python {version}: {reason}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
