"""The part of evaluate that judges a set with another class scheme."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from marrowscope._about import __version__
from marrowscope.cli.app import console, emit_json
from marrowscope.cli.table_errors import naming
from marrowscope.extras import install_line, missing_modules
from marrowscope.io.json_data import finite, json_text

if TYPE_CHECKING:
    import polars as pl

    from marrowscope.evaluation.domain_shift import DomainShift
    from marrowscope.evaluation.external_validation import CountedShare, ExternalResult


def evaluate_external(
    table: "pl.DataFrame",
    named: str,
    output: Path,
    mapping: Path,
    min_confidence: float | None,
    reference: Path | None,
    bundle: str | None,
    microns_per_pixel: float | None,
    seed: int,
    json: bool,
) -> None:
    """Judge, write files and figures, print; see ``evaluate --help``."""
    import polars as pl

    from marrowscope.cells import read_cells
    from marrowscope.evaluation.class_mapping import load_mapping
    from marrowscope.evaluation.domain_shift import measure_domain_shift
    from marrowscope.evaluation.external_validation import evaluate_external as judge
    from marrowscope.io.atomic import replacing
    from marrowscope.models.bundle import load_bundle
    from marrowscope.report.external_page import external_section
    from marrowscope.report.study_page import write_study_page

    entries = load_mapping(mapping)
    with naming(named):
        result = judge(table, entries, str(mapping), min_confidence)
    moved = None
    if reference is not None:
        loaded = None if bundle is None else load_bundle(bundle)
        missing = [name for name in missing_modules("analysis") if name in ("torch", "sklearn")]
        if loaded is not None and missing:
            loaded = None
            console.print(
                "! how far the network's features moved is not measured without "
                f"{', '.join(missing)}: {install_line('analysis')}",
                markup=False, soft_wrap=True, style="yellow",
            )  # fmt: skip
        base = read_cells(reference)
        with console.status("comparing with the training data"):
            moved = measure_domain_shift(base, table, loaded, microns_per_pixel, seed=seed)
    with console.status("drawing"):
        section = external_section(result, moved, output)
    with replacing(output / "external_confusion.csv") as temporary:
        _matrix(result).write_csv(temporary)
    with replacing(output / "external_classes.csv") as temporary:
        _class_rows(result).write_csv(temporary)
    if moved is not None:
        with replacing(output / "shift.csv") as temporary:
            pl.DataFrame([asdict(entry) for entry in moved.measures]).write_csv(temporary)
    summary = _summary(result, moved)
    with replacing(output / "external.json") as temporary:
        temporary.write_text(json_text(summary), encoding="utf-8")
    facts = {"predictions": named, "mapping": str(mapping), "marrowscope": __version__}
    page = write_study_page([section], output, "External validation", facts)
    if json:
        emit_json({"output": str(output), "report": str(page), **summary})
    _print(result, moved)
    console.print(f"→ {page}", markup=False, soft_wrap=True)


def _matrix(result: "ExternalResult") -> "pl.DataFrame":
    import polars as pl

    columns = {code: result.matrix[:, place] for place, code in enumerate(result.codes)}
    return pl.DataFrame({"external": [entry.name for entry in result.classes], **columns})


def _class_rows(result: "ExternalResult") -> "pl.DataFrame":
    import polars as pl

    rows = []
    for entry in result.classes:
        row: dict[str, Any] = {"external": entry.name, "compatible": ";".join(entry.compatible)}
        for name in ("no_calls", "agreement", "lineage"):
            row |= {f"{name}_{key}": value for key, value in _plain(getattr(entry, name)).items()}
        rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None)


def _plain(share: "CountedShare") -> dict[str, Any]:
    return {
        "right": share.right, "cells": share.cells, "share": finite(share.value),
        "low": share.low, "high": share.high,
    }  # fmt: skip


def _summary(result: "ExternalResult", moved: "DomainShift | None") -> dict[str, Any]:
    return {
        "cells": result.no_calls.cells,
        "unread": result.unread,
        "no_calls": _plain(result.no_calls),
        "reasons": result.reasons,
        "agreement": _plain(result.agreement),
        "balanced_agreement": finite(result.balanced),
        "lineage_agreement": _plain(result.lineage),
        "shift": None if moved is None else {
            "cells": moved.cells,
            "reference": moved.reference,
            "measures": [
                finite(asdict(entry))
                for entry in moved.measures
            ],
            "features": None if moved.features is None else asdict(moved.features),
        },
        "warnings": list(result.warnings),
    }  # fmt: skip


def _print(result: "ExternalResult", moved: "DomainShift | None") -> None:
    shown = Table("external class", "cells", "no call", "agreement", "lineage",
                  box=None, pad_edge=False)  # fmt: skip
    for entry in result.classes:
        name = "".join(sign if sign.isprintable() else "·" for sign in entry.name)
        shown.add_row(
            Text(name), str(entry.no_calls.cells),
            *(_percent(share) for share in (entry.no_calls, entry.agreement, entry.lineage)),
        )  # fmt: skip
    console.print(shown)
    for title, share in (
        ("no call", result.no_calls),
        ("agreement of called cells", result.agreement),
        ("in the right lineage", result.lineage),
    ):
        console.print(
            f"{title}: {share.right} of {share.cells}, {_percent(share)} "
            f"({100 * share.low:.0f}–{100 * share.high:.0f})",
            markup=False,
        )
    for reason, count in result.reasons.items():
        console.print(f"  {reason}: {count}", markup=False)
    if moved is not None:
        far = sorted(moved.measures, key=lambda entry: -abs(entry.difference))[:3]
        told = ", ".join(f"{e.name.replace('_', ' ')} {e.difference:+.1f} sd" for e in far)
        console.print(f"shift against the training data: {told}", markup=False)
        if moved.features is not None:
            console.print(
                f"  network features: {moved.features.ratio:.2f} times the distance between "
                f"training cells; {100 * moved.features.beyond:.0f} % of the cells beyond 95 % of "
                "them",
                markup=False, soft_wrap=True,
            )  # fmt: skip
    for warning in result.warnings:
        console.print(f"! {warning}", markup=False, style="yellow", soft_wrap=True)


def _percent(share: "CountedShare") -> str:
    return f"{100 * share.value:.0f} %" if share.cells else "–"
