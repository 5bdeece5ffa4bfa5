"""Options that several commands share: name, type and help text, each declared once.

A default is given where a command takes the option.
"""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.models import DEFAULT_MODEL

JSON = typer.Option(False, "--json", help="Print a machine-readable summary on standard output.")


def beginning(values: str, incomplete: str) -> list[str]:
    """Those of the values that a shell can complete to."""
    return [value for value in values.split() if value.startswith(incomplete)]


Model = Annotated[
    str | None,
    typer.Option("--model", help="Shipped model or bundle folder.", show_default=DEFAULT_MODEL),
]
Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        help="auto, openvino, int8 (after 'model quantize') or torch.",
        autocompletion=lambda incomplete: beginning("auto openvino int8 torch", incomplete),
    ),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        help="cpu, cuda, or auto: cuda if PyTorch finds a GPU, else cpu.",
        autocompletion=lambda incomplete: beginning("auto cpu cuda", incomplete),
    ),
]
PixelSize = Annotated[
    float | None,
    typer.Option(
        "--microns-per-pixel",
        help="Pixel size in µm, where the images do not state it. The networks see 0.08625.",
    ),
]
TakenAs = Annotated[
    str | None,
    typer.Option(
        "--as",
        metavar="field|slide",
        help="What a single picture is taken for; default: what its size and content say.",
        autocompletion=lambda incomplete: beginning("field slide", incomplete),
    ),
]

CellTable = Annotated[Path, typer.Argument(metavar="CELLS", help="Cell table made by 'index'.")]
TableOutput = Annotated[
    Path, typer.Option("--output", "-o", help="Cell table to write (.parquet or .csv).")
]
FolderOutput = Annotated[Path, typer.Option("--output", "-o", help="Folder to write.")]
BundleOutput = Annotated[Path, typer.Option("--output", "-o", help="New bundle folder.")]

SEED = "Random seed: the same seed gives the same result."
Seed = Annotated[int, typer.Option("--seed", min=0, help=SEED)]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change one value of the recipe, such as augmentation.shift=0.1; may be repeated.",
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Continue an interrupted run.")]
Store = Annotated[
    Path | None,
    typer.Option(
        "--store", help="Pixel store made by 'pack'; default: cells.store beside cells.parquet."
    ),
]
Bootstrap = Annotated[
    int, typer.Option("--bootstrap", min=10, help="Bootstrap resamples for the intervals.")
]
Tolerated = Annotated[
    Path | None,
    typer.Option(
        "--tolerated", help="YAML list of tolerated class pairs; default: those of the study."
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="local|ADDRESS|FILE",
        help="Work on Dask workers: local, local:N, tcp://host:8786, or a scheduler's file.",
        autocompletion=lambda incomplete: beginning("local tcp://", incomplete),
    ),
]
PerTask = Annotated[
    list[str] | None,
    typer.Option(
        "--per-task",
        metavar="KEY=VALUE",
        help="With --cluster: threads=2, memory=8GB, GPU=1; may be repeated.",
    ),
]
