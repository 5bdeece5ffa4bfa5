"""Model and settings → what they are called and a hash, by which a later run knows them again."""

import hashlib
import json
from typing import Any

from marrowscope.counting.count_smear import CountSettings
from marrowscope.fleet.smear_counter import ReportSettings
from marrowscope.slides.source_kind import View


def fleet_facts(
    model: str,
    engine: str,
    settings: CountSettings,
    reports: ReportSettings,
    microns_per_pixel: float | None,
    view: View | None,
) -> dict[str, Any]:
    """What is counted and how, for readers, as data for JSON; the threads change no result."""
    return {
        "model": model,
        "engine": engine,
        "cells": settings.cells,
        "least confidence": settings.min_confidence,
        "corrected by": settings.held_out_source,
        "remarks": list(settings.remarks),
        "seed": settings.seed,
        "µm per pixel": microns_per_pixel,
        "taken as": None if view is None else view.value,
        "PDF": reports.pdf,
        "GeoJSON": reports.geojson,
        "laboratory": reports.laboratory,
        "unlike anything known is told": settings.novelty is not None,
    }


def fleet_identity(model_identity: str, settings: CountSettings, facts: dict[str, Any]) -> str:
    """A hash of whatever decides a count and its report beside the slide.

    Args:
        model_identity: of ``prediction_identity``.
        settings: of the count.
        facts: of ``fleet_facts``.
    """
    held_out = None if settings.held_out is None else settings.held_out.to_dict()
    content = json.dumps([model_identity, held_out, facts], sort_keys=True)
    return hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()
