"""marrowscope: bone-marrow cytomorphology from images to counts. Research use only.

The Python interface is on one page, docs/api.md. What it needs is imported when a name is first
used, so that ``import marrowscope`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from marrowscope._about import RESEARCH_USE_ONLY, __version__

if TYPE_CHECKING:
    from marrowscope.api.box_tables import IndexedBoxes, index_boxes
    from marrowscope.api.cell_detection import Detection, detect, detect_in
    from marrowscope.api.cell_embedding import CellMap, embed
    from marrowscope.api.cell_explanations import CellExplanations, explain_cells
    from marrowscope.api.cell_review import ReviewAudit, audit_reviews, review_smears, serve_reviews
    from marrowscope.api.cell_tables import check, index, merge, screen, split
    from marrowscope.api.classifier import Model, available_models, load_model, model_cards
    from marrowscope.api.count_result import CountResult
    from marrowscope.api.external_evaluation import ExternalEvaluation, evaluate_external
    from marrowscope.api.image_preparation import MatchedImages, PackedImages, match_stain, pack
    from marrowscope.api.label_review import LabelReview, find_label_issues
    from marrowscope.api.machine_examination import examine_machine
    from marrowscope.api.model_adaptation import AdaptedModel, adapt_model
    from marrowscope.api.model_calibration import CalibratedModel, calibrate_model, convert_model
    from marrowscope.api.model_cross_validation import CrossValidation, cross_validate
    from marrowscope.api.model_evaluation import EvaluationResult, evaluate
    from marrowscope.api.model_pretraining import PretrainingRun, pretrain
    from marrowscope.api.model_quantization import QuantizedModel, quantize_model
    from marrowscope.api.model_ranking import ComparisonResult, compare
    from marrowscope.api.model_training import TrainingRun, train
    from marrowscope.api.slide_fleet import Fleet, count_fleet, find_slides
    from marrowscope.api.smear_counting import count, count_each
    from marrowscope.api.study_reproduction import ReproducedStudy, reproduce_study
    from marrowscope.api.synthetic_images import (
        SyntheticCells,
        SyntheticFields,
        SyntheticSlide,
        draw_cells,
        draw_fields,
        draw_slide,
    )
    from marrowscope.cells import read_cells, write_cells
    from marrowscope.demo import Demo, run_demo
    from marrowscope.doctor.examination import Examination
    from marrowscope.errors import InputError
    from marrowscope.exchange.anndata_export import to_anndata
    from marrowscope.exchange.geojson_writer import to_geojson

__all__ = [
    "RESEARCH_USE_ONLY",
    "AdaptedModel",
    "CalibratedModel",
    "CellExplanations",
    "CellMap",
    "ComparisonResult",
    "CountResult",
    "CrossValidation",
    "Demo",
    "Detection",
    "EvaluationResult",
    "Examination",
    "ExternalEvaluation",
    "Fleet",
    "IndexedBoxes",
    "InputError",
    "LabelReview",
    "MatchedImages",
    "Model",
    "PackedImages",
    "PretrainingRun",
    "QuantizedModel",
    "ReproducedStudy",
    "ReviewAudit",
    "SyntheticCells",
    "SyntheticFields",
    "SyntheticSlide",
    "TrainingRun",
    "__version__",
    "adapt_model",
    "audit_reviews",
    "available_models",
    "calibrate_model",
    "check",
    "compare",
    "convert_model",
    "count",
    "count_each",
    "count_fleet",
    "cross_validate",
    "detect",
    "detect_in",
    "draw_cells",
    "draw_fields",
    "draw_slide",
    "embed",
    "evaluate",
    "evaluate_external",
    "examine_machine",
    "explain_cells",
    "find_label_issues",
    "find_slides",
    "index",
    "index_boxes",
    "load_model",
    "match_stain",
    "merge",
    "model_cards",
    "pack",
    "pretrain",
    "quantize_model",
    "read_cells",
    "reproduce_study",
    "review_smears",
    "run_demo",
    "screen",
    "serve_reviews",
    "split",
    "to_anndata",
    "to_geojson",
    "train",
    "write_cells",
]

_NAMES = {
    "api.box_tables": ("IndexedBoxes", "index_boxes"),
    "api.cell_detection": ("Detection", "detect", "detect_in"),
    "api.cell_embedding": ("CellMap", "embed"),
    "api.cell_explanations": ("CellExplanations", "explain_cells"),
    "api.cell_review": ("ReviewAudit", "audit_reviews", "review_smears", "serve_reviews"),
    "api.cell_tables": ("check", "index", "merge", "screen", "split"),
    "api.classifier": ("Model", "available_models", "load_model", "model_cards"),
    "api.count_result": ("CountResult",),
    "api.external_evaluation": ("ExternalEvaluation", "evaluate_external"),
    "api.image_preparation": ("MatchedImages", "PackedImages", "match_stain", "pack"),
    "api.label_review": ("LabelReview", "find_label_issues"),
    "api.machine_examination": ("examine_machine",),
    "api.model_adaptation": ("AdaptedModel", "adapt_model"),
    "api.model_calibration": ("CalibratedModel", "calibrate_model", "convert_model"),
    "api.model_cross_validation": ("CrossValidation", "cross_validate"),
    "api.model_evaluation": ("EvaluationResult", "evaluate"),
    "api.model_pretraining": ("PretrainingRun", "pretrain"),
    "api.model_quantization": ("QuantizedModel", "quantize_model"),
    "api.model_ranking": ("ComparisonResult", "compare"),
    "api.model_training": ("TrainingRun", "train"),
    "api.slide_fleet": ("Fleet", "count_fleet", "find_slides"),
    "api.smear_counting": ("count", "count_each"),
    "api.study_reproduction": ("ReproducedStudy", "reproduce_study"),
    "api.synthetic_images": (
        "SyntheticCells",
        "SyntheticFields",
        "SyntheticSlide",
        "draw_cells",
        "draw_fields",
        "draw_slide",
    ),
    "cells": ("read_cells", "write_cells"),
    "demo": ("Demo", "run_demo"),
    "doctor.examination": ("Examination",),
    "errors": ("InputError",),
    "exchange.anndata_export": ("to_anndata",),
    "exchange.geojson_writer": ("to_geojson",),
}
_HOME = {name: f"marrowscope.{module}" for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
