"""Commands explain and embed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from marrowscope.cli.app import console, emit_json, progress
from marrowscope.cli.model_argument import model_and_rest
from marrowscope.cli.options import JSON, FolderOutput, Model, Seed
from marrowscope.cli.table_errors import naming
from marrowscope.io.json_data import finite, json_text

SANITY_CELLS = 7
LEARNED_CELLS = 50  # of each class, for the test with permuted labels

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from marrowscope.explain.explained_cells import ExplainedCell
    from marrowscope.models.bundle import Bundle


def explain(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE", help="Images, folders, or cell tables with labels."),
    ],
    output: FolderOutput,
    model: Model = None,
    per_class: Annotated[
        int, typer.Option(min=1, help="Cells of each class, those classified best first.")
    ] = 1,
    classes: Annotated[
        str | None, typer.Option(help="Classes to show, such as BLA,PMO; default: all.")
    ] = None,
    sanity: Annotated[
        bool, typer.Option("--sanity", help="Test that explanations depend on weights and labels.")
    ] = False,
    phantom: Annotated[
        int,
        typer.Option(
            min=0,
            help="Draw this many synthetic cells of each class and measure how much of the "
            "explanation lies inside them.",
        ),
    ] = 0,
    seed: Seed = 0,
    json: bool = JSON,
) -> None:
    """Show what a network looks at: SmoothGrad and Grad-CAM, in the layout of the study.

    Of labelled images, the cells classified best are shown; of others, the most confident.

    Example: `marrowscope explain cells.parquet --model run/bundle -o explained --sanity`
    """
    from marrowscope.explain.attribution import require_network
    from marrowscope.explain.explained_cells import attribution_inside_phantoms, explained_cells
    from marrowscope.inference.batch_prediction import predict_table
    from marrowscope.inference.engine_choice import choose_engine
    from marrowscope.inference.image_sources import expand
    from marrowscope.io.atomic import replacing
    from marrowscope.models.bundle import load_bundle
    from marrowscope.report.explanation_figure import explanation_figure

    chosen, sources = model_and_rest("explain", model, sources)
    loaded = load_bundle(chosen)
    require_network(loaded)
    table = expand(sources)
    wanted = None if classes is None else tuple(code.strip() for code in classes.split(","))
    engine, _ = choose_engine(loaded)
    with progress("predicting") as advance:
        predictions = predict_table(engine, table, advance=advance)
    with console.status("explaining"):
        cells = explained_cells(loaded, predictions, per_class, wanted, seed)
    title = f"{loaded.card.name}: cells classified best"
    with replacing(output / "explained.png") as temporary:
        explanation_figure(cells, title).savefig(temporary, format="png", dpi=150)
    found: dict[str, Any] = {"cells": [cell.title for cell in cells]}
    if sanity:
        found |= _sanity(loaded, predictions, cells, output, seed)
    if phantom:
        with progress("synthetic cells") as advance:
            inside = attribution_inside_phantoms(loaded, phantom, seed, advance)
        found["inside_phantom_cells"] = inside
    with replacing(output / "explained.json") as temporary:
        temporary.write_text(json_text(finite(found)), encoding="utf-8")
    if json:
        emit_json({"output": str(output), **found})
    for line in _sanity_lines(found):
        console.print(line, markup=False, soft_wrap=True)
    if phantom:
        shown = ", ".join(f"{name} {value:.0%}" for name, value in inside.items())
        console.print(f"inside synthetic cells: {shown}", markup=False, soft_wrap=True)
    console.print(f"{len(cells)} cells → {output / 'explained.png'}", markup=False, soft_wrap=True)


def _sanity(
    bundle: "Bundle", predictions: "pl.DataFrame", cells: "list[ExplainedCell]", output: Path,
    seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Both tests: with random weights and, where there are labels, with permuted ones."""
    import polars as pl

    from marrowscope.explain.explained_cells import labelled_cells
    from marrowscope.explain.label_randomization import label_randomization_test
    from marrowscope.explain.weight_randomization import cascading_randomization
    from marrowscope.io.atomic import replacing
    from marrowscope.models.architectures import is_backbone
    from marrowscope.report.explanation_figure import sanity_figure

    pairs = [(cell.image, cell.code) for cell in cells[:SANITY_CELLS]]
    with console.status("randomizing the weights"):
        curves = cascading_randomization(bundle, pairs, seed)
    taught = labelled_cells(bundle, predictions, LEARNED_CELLS, seed)
    labels, without = None, None
    if is_backbone(bundle.card.architecture):
        without = "a pretrained backbone cannot learn from a few cells alone"
    elif len({code for _, code in taught}) < 2:
        without = "no labelled cells of two classes"
    else:
        with progress("learning true and permuted labels") as advance:
            labels = label_randomization_test(bundle, taught, pairs, seed, advance)
    with replacing(output / "sanity.png") as temporary:
        title = f"{bundle.card.name}, {len(pairs)} cells"
        sanity_figure(curves, title, labels).savefig(temporary, format="png", dpi=150)
    with replacing(output / "sanity.csv") as temporary:
        curves.with_columns(pl.col(pl.Float64).fill_nan(None)).write_csv(temporary)
    last = curves.filter(pl.col("step") == curves["step"].max())
    found: dict[str, Any] = {"all_layers_random": {
        row["method"]: {"spearman": _number(row["spearman"]), "ssim": _number(row["ssim"])}
        for row in last.iter_rows(named=True)
    }}  # fmt: skip
    if without is not None:
        found["labels_left_out"] = without
    if labels is not None:
        found["labels"] = {
            "cells": labels.cells,
            "whole": labels.whole,
            "learned": [round(share, 4) for share in labels.learned],
            **{
                key: {
                    name: {"spearman": _number(ranks), "ssim": _number(structure)}
                    for name, (ranks, structure) in values.items()
                }
                for key, values in (("same", labels.same), ("permuted", labels.permuted))
            },
        }
    return found


def _sanity_lines(found: dict[str, Any]) -> list[str]:
    lines = [
        f"{name}: with all layers random, rank correlation with the trained network's "
        f"{values['spearman']}, SSIM {values['ssim']}"
        for name, values in found.get("all_layers_random", {}).items()
    ]
    if "labels" in found:
        test = found["labels"]
        lines += [
            f"{name}: networks that learned {test['cells']} cells, rank correlation with the same "
            f"labels {test['same'][name]['spearman']}, with permuted labels "
            f"{test['permuted'][name]['spearman']}; SSIM {test['same'][name]['ssim']} and "
            f"{test['permuted'][name]['ssim']}"
            for name in test["same"]
        ]
        if not test["whole"]:
            shares = ", ".join(f"{share:.0%}" for share in test["learned"])
            lines.append(
                f"! the three networks did not learn all of their cells ({shares}), so the test "
                "with permuted labels says little"
            )
    elif "labels_left_out" in found:
        lines.append(f"{found['labels_left_out']}: the test with permuted labels is left out")
    return lines


def _number(value: float) -> float | None:
    return None if value != value else round(value, 4)


def embed(
    given: Annotated[
        list[str], typer.Argument(metavar="CELLS", help="Cell table made by 'index'.")
    ],
    output: FolderOutput,
    model: Model = None,
    seed: Seed = 0,
    json: bool = JSON,
) -> None:
    """Map cells by the features of a network: figure, interactive page and measures.

    Example: `marrowscope embed cells.parquet --model run/bundle -o map`
    """
    from marrowscope.cells import read_cells
    from marrowscope.explain.embedding import embed as make
    from marrowscope.io.atomic import replacing
    from marrowscope.models.bundle import load_bundle
    from marrowscope.report.embedding_page import embedding_figure, embedding_page

    chosen, (cells, *more) = model_and_rest("embed", model, given)
    if more:
        raise typer.BadParameter(f"expected one cell table, got {' '.join((cells, *more))}")
    loaded, table = load_bundle(chosen), read_cells(Path(cells), needs=["path"])
    with naming(cells), progress("features") as advance:
        found = make(loaded, table, seed, advance)
    title = f"{loaded.card.name}: {found.table.height:,} cells"
    with console.status("drawing"):
        with replacing(output / "map.png") as temporary:
            embedding_figure(found, title).savefig(temporary, format="png", dpi=150)
        with replacing(output / "map.html") as temporary:
            temporary.write_text(embedding_page(found, title, seed), encoding="utf-8")
    with replacing(output / "cells.parquet") as temporary:
        _with_features(found.table, found.features).write_parquet(temporary)
    with replacing(output / "map.json") as temporary:
        facts = finite({"method": found.method, **found.measures})
        temporary.write_text(json_text(facts), encoding="utf-8")
    if json:
        emit_json({"output": str(output), "cells": found.table.height, "method": found.method,
                   "unread": len(found.unread), **found.measures})  # fmt: skip
    for path, reason in found.unread[:5]:
        console.print(f"! {path}: {reason}", markup=False, soft_wrap=True, style="yellow")
    if found.measures:
        measures = found.measures
        console.print(
            f"neighbours of the same class: {measures['purity']['all']:.0%} in the features, "
            f"{measures['purity_map']['all']:.0%} in the map, {measures['chance']:.0%} by chance; "
            f"trustworthiness {measures['trustworthiness']:.3f}",
            markup=False,
            soft_wrap=True,
        )
    console.print(f"{found.method} → {output / 'map.html'}", markup=False, soft_wrap=True)


def _with_features(table: "pl.DataFrame", features: "NDArray[np.float32]") -> "pl.DataFrame":
    import polars as pl

    columns = pl.Series("features", features, dtype=pl.Array(pl.Float32, features.shape[1]))
    return table.with_columns(columns)
