"""A network and cells come in; maps of what it looks at, and tests of these maps, come out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from marrowscope.api.arguments import AnyPath, begin, class_codes
from marrowscope.api.classifier import Model, as_bundle
from marrowscope.api.image_input import Images, image_input
from marrowscope.extras import require_extra
from marrowscope.inference.batch_prediction import predict_table
from marrowscope.inference.engine_choice import choose_engine
from marrowscope.io.atomic import replacing
from marrowscope.io.json_data import finite, json_text
from marrowscope.models import DEFAULT_MODEL
from marrowscope.models.architectures import is_backbone
from marrowscope.models.bundle import Bundle
from marrowscope.progress import Stage

if TYPE_CHECKING:
    from marrowscope.explain.explained_cells import ExplainedCell
    from marrowscope.explain.label_randomization import LabelRandomization

SANITY_CELLS = 7
LEARNED_CELLS = 50  # of each class, for the test with permuted labels


@dataclass(frozen=True)
class SanityTests:
    """Whether explanations depend on the weights and on what was learned.

    Attributes:
        curves: similarity of explanations as layers become random, one row per step and method.
        labels: the same for networks that learned the same and permuted labels; None: left out.
        left_out: why.
        cells: that were looked at.
    """

    curves: pl.DataFrame
    labels: "LabelRandomization | None"
    left_out: str | None
    cells: int

    def to_dict(self) -> dict[str, Any]:
        """Rank correlation and SSIM with everything random, as data for JSON."""
        last = self.curves.filter(pl.col("step") == self.curves["step"].max())
        found: dict[str, Any] = {
            "all_layers_random": {
                row["method"]: {"spearman": _number(row["spearman"]), "ssim": _number(row["ssim"])}
                for row in last.iter_rows(named=True)
            }
        }
        if self.left_out is not None:
            found["labels_left_out"] = self.left_out
        if self.labels is not None:
            found["labels"] = {
                "cells": self.labels.cells,
                "whole": self.labels.whole,
                "learned": [round(share, 4) for share in self.labels.learned],
                **{
                    key: {
                        name: {"spearman": _number(ranks), "ssim": _number(structure)}
                        for name, (ranks, structure) in values.items()
                    }
                    for key, values in (
                        ("same", self.labels.same),
                        ("permuted", self.labels.permuted),
                    )
                },
            }
        return found

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a person reads."""
        found = self.to_dict()
        lines = [
            f"{name}: with all layers random, rank correlation with the trained network's "
            f"{values['spearman']}, SSIM {values['ssim']}"
            for name, values in found["all_layers_random"].items()
        ]
        if self.labels is not None:
            test = found["labels"]
            lines += [
                f"{name}: networks that learned {test['cells']} cells, rank correlation with the "
                f"same labels {test['same'][name]['spearman']}, with permuted labels "
                f"{test['permuted'][name]['spearman']}; SSIM {test['same'][name]['ssim']} and "
                f"{test['permuted'][name]['ssim']}"
                for name in test["same"]
            ]
            if not test["whole"]:
                shares = ", ".join(f"{share:.0%}" for share in test["learned"])
                lines.append(
                    f"! the three networks did not learn all of their cells ({shares}), so the "
                    "test with permuted labels says little"
                )
        else:
            lines.append(f"{self.left_out}: the test with permuted labels is left out")
        return tuple(lines)


@dataclass(frozen=True)
class CellExplanations:
    """Cells with maps of what the network looks at.

    Attributes:
        cells: image, SmoothGrad and Grad-CAM of each.
        title: of the figure.
        sanity: tests of the maps, where asked for.
        inside_phantoms: mean share of the maps inside synthetic cells, where asked for.
    """

    cells: "tuple[ExplainedCell, ...]"
    title: str
    sanity: SanityTests | None = None
    inside_phantoms: dict[str, float] | None = None

    @property
    def table(self) -> pl.DataFrame:
        """One row per cell: ``path``, the ``class`` that is explained, ``title``."""
        schema = {"path": pl.String, "class": pl.String, "title": pl.String}
        rows = [(cell.path, cell.code, cell.title) for cell in self.cells]
        return pl.DataFrame(rows, schema=schema, orient="row")

    def to_dict(self) -> dict[str, Any]:
        """Titles and measures as data for JSON; ``explained.json`` of a folder."""
        found: dict[str, Any] = {"cells": [cell.title for cell in self.cells]}
        if self.sanity is not None:
            found |= self.sanity.to_dict()
        if self.inside_phantoms is not None:
            found["inside_phantom_cells"] = self.inside_phantoms
        return found

    def save(self, folder: AnyPath) -> Path:
        """Write figures and data into a folder.

        Returns:
            The figure.

        Raises:
            InputError: it cannot be written.
        """
        from marrowscope.report.explanation_figure import explanation_figure, sanity_figure

        place = Path(folder)
        with replacing(place / "explained.png") as temporary:
            figure = explanation_figure(list(self.cells), self.title)
            figure.savefig(temporary, format="png", dpi=150)
        if self.sanity is not None:
            with replacing(place / "sanity.png") as temporary:
                title = f"{self.title.partition(':')[0]}, {self.sanity.cells} cells"
                figure = sanity_figure(self.sanity.curves, title, self.sanity.labels)
                figure.savefig(temporary, format="png", dpi=150)
            with replacing(place / "sanity.csv") as temporary:
                curves = self.sanity.curves.with_columns(pl.col(pl.Float64).fill_nan(None))
                curves.write_csv(temporary)
        with replacing(place / "explained.json") as temporary:
            temporary.write_text(json_text(finite(self.to_dict())), encoding="utf-8")
        return place / "explained.png"


def explain_cells(
    images: Images,
    model: Model | AnyPath | None = None,
    output: AnyPath | None = None,
    *,
    per_class: int = 1,
    classes: Sequence[str] | str | None = None,
    sanity: bool = False,
    phantom: int = 0,
    seed: int = 0,
    progress: Stage | None = None,
) -> CellExplanations:
    """Show what a network looks at: SmoothGrad and Grad-CAM, in the layout of the study.

    Of labelled images the cells classified best are shown, of others the most confident.

    Args:
        images: files, folders, globs, or cell tables.
        model: of ``load_model``, or a name or bundle folder; None: the default model.
        output: folder for figures and data.
        per_class: cells of each class.
        classes: to show, codes in a list or joined by commas; None: all.
        sanity: test that the maps depend on weights and labels (Adebayo et al., NeurIPS 2018).
        phantom: synthetic cells of each class, to measure the share of the maps inside them.
        seed: of noise and tests.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Raises:
        InputError: the extra is missing, the model is no network, images are not files, or there is
            no correctly classified cell of a class.
    """
    require_extra("analysis", "explaining")
    from marrowscope.explain.attribution import require_network
    from marrowscope.explain.explained_cells import attribution_inside_phantoms, explained_cells

    bundle = as_bundle(DEFAULT_MODEL if model is None else model)
    require_network(bundle)
    table = image_input(images, files_only=True).table
    engine, _ = choose_engine(bundle)
    predictions = predict_table(engine, table, advance=begin(progress, "predicting"))
    begin(progress, "explaining")
    cells = explained_cells(bundle, predictions, per_class, class_codes(classes), seed)
    tested = _tested(bundle, predictions, cells, seed, progress) if sanity else None
    inside = None
    if phantom:
        advance = begin(progress, "synthetic cells")
        inside = attribution_inside_phantoms(bundle, phantom, seed, advance)
    title = f"{bundle.card.name}: cells classified best"
    made = CellExplanations(tuple(cells), title, tested, inside)
    if output is not None:
        made.save(output)
    return made


def _tested(
    bundle: Bundle,
    predictions: pl.DataFrame,
    cells: "list[ExplainedCell]",
    seed: int,
    progress: Stage | None,
) -> SanityTests:
    """Both tests: with random weights and, where there are labels, with permuted ones."""
    from marrowscope.explain.explained_cells import labelled_cells
    from marrowscope.explain.label_randomization import label_randomization_test
    from marrowscope.explain.weight_randomization import cascading_randomization

    pairs = [(cell.image, cell.code) for cell in cells[:SANITY_CELLS]]
    begin(progress, "randomizing the weights")
    curves = cascading_randomization(bundle, pairs, seed)
    taught = labelled_cells(bundle, predictions, LEARNED_CELLS, seed)
    labels, left_out = None, None
    if is_backbone(bundle.card.architecture):
        left_out = "a pretrained backbone cannot learn from a few cells alone"
    elif len({code for _, code in taught}) < 2:
        left_out = "no labelled cells of two classes"
    else:
        advance = begin(progress, "learning true and permuted labels")
        labels = label_randomization_test(bundle, taught, pairs, seed, advance)
    return SanityTests(curves, labels, left_out, len(pairs))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)
