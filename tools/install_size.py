"""From the name of an extra to how many packages pip brings for it, and how many MB they are.

``python tools/install_size.py`` downloads what the core requires, in the versions of
constraints.txt, counts it, and ends with 1 if that is more than 40 packages or 350 MB.
``--extra train`` measures an extra together with the core. Nothing is installed or kept.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MAX_PACKAGES, MAX_MEGABYTES = 40, 350  # of the core, on Linux


def measured(paths: Iterable[Path]) -> tuple[int, float, list[tuple[float, str]]]:
    """Number of packages, MB in all, and MB and name of each, largest first."""
    sizes = [
        (path.stat().st_size / 1e6, path.name.partition("-")[0])
        for path in paths
        if not path.name.startswith("marrowscope-")
    ]
    return len(sizes), sum(size for size, _ in sizes), sorted(sizes, reverse=True)


def over_the_bar(packages: int, megabytes: float) -> str | None:
    """What a core of this size breaks, as one line; None if nothing."""
    if packages > MAX_PACKAGES:
        return f"the core brings {packages} packages; at most {MAX_PACKAGES} are allowed"
    if megabytes > MAX_MEGABYTES:
        return f"the core brings {megabytes:.0f} MB; at most {MAX_MEGABYTES} are allowed"
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Download, count, print; 1 if the core is too large."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--extra", action="append", default=[], help="measure with this extra")
    extras = parser.parse_args(arguments).extra
    wanted = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    with tempfile.TemporaryDirectory() as name:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
             "-c", ROOT / "constraints.txt", "-d", name, wanted],
            check=True, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        packages, megabytes, largest = measured(Path(name).iterdir())
    what = " + ".join(["core", *extras])
    print(f"{what}: {packages} packages, {megabytes:.0f} MB to download")
    print("largest: " + ", ".join(f"{one} {size:.0f}" for size, one in largest[:6]))
    problem = None if extras else over_the_bar(packages, megabytes)
    if problem:
        print(f"install_size: {problem}", file=sys.stderr)
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
