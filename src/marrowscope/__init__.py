"""marrowscope: bone-marrow cytomorphology from images to counts. Research use only.

The Python interface is on one page, docs/api.md. What it needs is imported when a name is first
used, so that ``import marrowscope`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from marrowscope._about import RESEARCH_USE_ONLY, __version__

if TYPE_CHECKING:
    from marrowscope.api.cell_tables import check, index, screen, split
    from marrowscope.api.classifier import Model, available_models, load_model
    from marrowscope.api.model_evaluation import EvaluationResult, evaluate
    from marrowscope.api.model_training import TrainingRun, train
    from marrowscope.api.smear_counting import (
        CountResult,
        Detection,
        count,
        count_each,
        detect,
        detect_in,
    )
    from marrowscope.cells import read_cells, write_cells
    from marrowscope.errors import InputError
    from marrowscope.exchange.anndata_export import to_anndata
    from marrowscope.exchange.geojson_writer import to_geojson

__all__ = [
    "RESEARCH_USE_ONLY",
    "CountResult",
    "Detection",
    "EvaluationResult",
    "InputError",
    "Model",
    "TrainingRun",
    "__version__",
    "available_models",
    "check",
    "count",
    "count_each",
    "detect",
    "detect_in",
    "evaluate",
    "index",
    "load_model",
    "read_cells",
    "screen",
    "split",
    "to_anndata",
    "to_geojson",
    "train",
    "write_cells",
]

_HOME = {
    **dict.fromkeys(("check", "index", "screen", "split"), "marrowscope.api.cell_tables"),
    **dict.fromkeys(("Model", "available_models", "load_model"), "marrowscope.api.classifier"),
    **dict.fromkeys(("EvaluationResult", "evaluate"), "marrowscope.api.model_evaluation"),
    **dict.fromkeys(("TrainingRun", "train"), "marrowscope.api.model_training"),
    **dict.fromkeys(
        ("CountResult", "Detection", "count", "count_each", "detect", "detect_in"),
        "marrowscope.api.smear_counting",
    ),
    **dict.fromkeys(("read_cells", "write_cells"), "marrowscope.cells"),
    "InputError": "marrowscope.errors",
    "to_anndata": "marrowscope.exchange.anndata_export",
    "to_geojson": "marrowscope.exchange.geojson_writer",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
