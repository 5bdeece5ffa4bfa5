"""From the sources to a wheel that was installed and used with the network cut.

Run it as ``make wheel``, or ``python tools/check_wheel.py``. It builds the source archive, from
that the wheel, checks what the wheel holds, downloads what the core requires, installs all of it
into a bare environment without a network, and there draws cells, classifies them and asks
``doctor``. Where Linux permits it, the network is really cut (``unshare``); elsewhere pip is told
to use none. It needs Python and a package index, and takes one to three minutes.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from email.parser import Parser
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "marrowscope"
MAX_PACKAGES, MAX_BYTES = 40, 350_000_000  # of the core, with all that it requires
# Libraries of extras: a core that brings one of them is not a core.
NOT_IN_THE_CORE = ("torch", "lightning", "captum", "umap-learn", "cleanlab", "plotly", "weasyprint",
                   "highdicom", "mahotas", "sqlalchemy", "starlette")  # fmt: skip


class WheelError(Exception):
    """What is wrong, in one line."""


def run(command: Sequence[str | Path], cut: bool = False, **options: Any) -> str:
    """Run a command and give its standard output.

    Args:
        command: and its arguments.
        cut: whether it gets no network, where that can be done.
        options: of ``subprocess.run``.

    Raises:
        WheelError: with the end of what it said.
    """
    words = [*(network_cut() if cut else ()), *map(str, command)]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(words, capture_output=True, text=True, env=env, check=False, **options)
    if done.returncode != 0:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
        raise WheelError(f"{' '.join(map(str, command))} ends with {done.returncode}:\n{said}")
    return done.stdout


def network_cut() -> tuple[str, ...]:
    """Words before a command that take its network away; none where that is not permitted."""
    if shutil.which("unshare") is None:
        return ()
    for words in (("unshare", "--net"), ("unshare", "--map-root-user", "--net")):
        done = subprocess.run([*words, "true"], capture_output=True, check=False)
        if done.returncode == 0:
            return words
    return ()


def sources() -> set[str]:
    """Files that belong into the wheel, as git knows them, below ``src``."""
    listed = run(["git", "-C", ROOT, "ls-files", f"src/{PACKAGE}"]).split("\n")
    return {name.removeprefix("src/") for name in listed if name and (ROOT / name).is_file()}


def build(python: Path, folder: Path) -> tuple[Path, Path]:
    """The source archive, and the wheel that is built from it and not from the checkout."""
    run([python, "-m", "pip", "install", "--quiet", "hatchling"])
    run([python, "-m", "hatchling", "build", "-t", "sdist", "-d", folder], cwd=ROOT)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as content:
        content.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    run([python, "-m", "hatchling", "build", "-t", "wheel", "-d", folder], cwd=unpacked)
    (wheel,) = folder.glob("*.whl")
    return archive, wheel


def check_content(names: set[str], wanted: set[str]) -> None:
    """Compare the files of a wheel with those of the sources.

    Args:
        names: in the wheel.
        wanted: in the sources.

    Raises:
        WheelError: one is missing, or there is one too many.
    """
    inside = {name for name in names if not name.split("/")[0].endswith(".dist-info")}
    missing, unknown = sorted(wanted - inside), sorted(inside - wanted)
    if missing:
        raise WheelError(f"the wheel lacks {len(missing)} files: {', '.join(missing[:8])}")
    if unknown:
        raise WheelError(f"the wheel holds what git does not know: {', '.join(unknown[:8])}")
    bundles = {name.rsplit("/", 1)[0] for name in inside if name.endswith("/card.json")}
    if not bundles:
        raise WheelError("the wheel holds no model")
    for bundle in sorted(bundles):
        files = {name.rsplit("/", 1)[1] for name in inside if name.startswith(bundle + "/")}
        if "model.safetensors" not in files or not any(
            name.endswith((".xml", ".onnx")) for name in files
        ):
            raise WheelError(f"{bundle} lacks weights or a graph for OpenVINO: {sorted(files)}")


def check_metadata(text: str) -> None:
    """Check what a wheel says of itself.

    Raises:
        WheelError: no licence, or the core requires a library of an extra.
    """
    facts = Parser().parsestr(text)
    if facts["License-Expression"] != "Apache-2.0":
        raise WheelError(f"the licence is {facts['License-Expression']}")
    required = [line for line in facts.get_all("Requires-Dist", []) if "extra ==" not in line]
    brought = [name for name in NOT_IN_THE_CORE if any(_names(line, name) for line in required)]
    if brought:
        raise WheelError(f"the core requires {', '.join(brought)}")


def _names(line: str, name: str) -> bool:
    rest = line.removeprefix(name)
    return rest != line and not (rest[:1].isalnum() or rest.startswith(("-", "_", ".")))


def download(python: Path, wheel: Path, folder: Path) -> None:
    """All that the core requires, in the versions that the tests ran with."""
    constraints = ROOT / "constraints.txt"
    run([python, "-m", "pip", "download", "--quiet", "-c", constraints, "-d", folder, wheel])
    files = [path for path in folder.iterdir() if path.name != wheel.name]
    size = sum(path.stat().st_size for path in files)
    print(f"the core requires {len(files)} packages, {size / 1e6:.0f} MB to download", flush=True)
    if len(files) > MAX_PACKAGES or size > MAX_BYTES:
        raise WheelError(f"more than {MAX_PACKAGES} packages or {MAX_BYTES / 1e6:.0f} MB")


def use(bin_folder: Path, folder: Path) -> None:
    """Draw cells, classify them, ask ``doctor``; nothing of it may need a network.

    Raises:
        WheelError: one of them fails, or its answer cannot be right.
    """
    command = bin_folder / PACKAGE
    options: Mapping[str, Any] = {"cut": True, "cwd": folder}
    run([command, "phantom", "cells", "-o", "cells", "--per-class", "1", "--no-masks"], **options)
    run([command, "predict", "cells/cells.parquet", "-o", "predictions.csv"],
        **options)  # fmt: skip
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    drawn = len(list((folder / "cells").rglob("*.png"))) + len(list(folder.rglob("*.jpg")))
    if not rows or len(rows) != drawn or not all(row["predicted"] for row in rows):
        raise WheelError(
            f"predict gave {len(rows)} rows for {drawn} cells, or rows without a class"
        )
    found = json.loads(run([command, "doctor", "--seconds", "60", "--json"], **options))
    if not found["works"]:
        raise WheelError("doctor says that the core does not work")
    speed = {
        check["name"]: check["sentence"] for check in found["checks"] if check["group"] == "engines"
    }
    print(f"predict gave {len(rows)} rows; doctor took {found['seconds']} s: OpenVINO "
          f"{speed['OpenVINO fp32']}", flush=True)  # fmt: skip


def environment(folder: Path) -> Path:
    """A bare environment; its folder of programs."""
    run([sys.executable, "-m", "venv", folder])
    return folder / ("Scripts" if os.name == "nt" else "bin")


def main() -> None:
    """Build, check, download, cut the network, install, use."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", "--output", type=Path, help="keep archive and wheel in this folder")
    output = parser.parse_args().output
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"{PACKAGE}-wheel-") as name:
        folder = Path(name)
        python = environment(folder / "tools") / "python"
        archive, wheel = build(python, folder / "dist")
        with zipfile.ZipFile(wheel) as content:
            names = {one for one in content.namelist() if not one.endswith("/")}
            (metadata,) = (one for one in names if one.endswith(".dist-info/METADATA"))
            check_content(names, sources())
            check_metadata(content.read(metadata).decode())
        print(f"{wheel.name}: {len(names)} files, {wheel.stat().st_size / 1e6:.1f} MB; "
              f"{archive.name}: {archive.stat().st_size / 1e6:.1f} MB", flush=True)  # fmt: skip
        download(python, wheel, folder / "wheels")
        how = "really cut" if network_cut() else "not used by pip; it cannot be cut here"
        print(f"network: {how}", flush=True)
        bare = environment(folder / "bare")
        run([bare / "python", "-m", "pip", "install", "--quiet", "--no-index", "--find-links",
             folder / "wheels", wheel], cut=True)  # fmt: skip
        (folder / "work").mkdir()
        use(bare, folder / "work")
        if output is not None:
            output.mkdir(parents=True, exist_ok=True)
            for path in (archive, wheel):
                shutil.copy2(path, output)
    print(f"the wheel works, {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    try:
        main()
    except WheelError as error:
        sys.exit(f"check_wheel: {error}")
