"""A cell table as AnnData for scanpy and squidpy: probabilities or features as X, table as obs.

Conventions: ``obs_names`` are cell ids, ``obsm["spatial"]`` holds x and y in px of level 0,
``uns["predicted_colors"]`` the colours of the classes as scanpy's plots take them.
"""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope._about import RESEARCH_USE_ONLY, __version__
from marrowscope.cells import probabilities, probability_codes
from marrowscope.errors import InputError
from marrowscope.exchange.class_colours import as_hex, class_colour
from marrowscope.extras import require_extra
from marrowscope.morphology import BY_CODE, Lineage, in_display_order

if TYPE_CHECKING:
    from anndata import AnnData

SOURCES = ("probabilities", "features")
# Columns whose values repeat; every other text is kept as it is unless values are missing.
_CATEGORIES = {
    "label",
    "predicted",
    "annotator",
    "laboratory",
    "patient_id",
    "slide_id",
    "field_id",
    "split",
    "kind",
    "role",
    "note",
    "error",
}
_COLOURED = ("label", "predicted")
_RESERVED = {"_index": "index_"}  # anndata keeps this name for itself


def to_anndata(
    cells: pl.DataFrame,
    X: str = "probabilities",
    features: NDArray[np.float32] | pl.DataFrame | None = None,
    model: str | None = None,
) -> "AnnData":
    """Make an AnnData of a cell table; ``write_h5ad`` writes it.

    Args:
        cells: cell table; one row per cell, ``cell_id`` unique.
        X: ``probabilities``, (N, classes) float32 of the columns ``p_<CODE>``, nan where a cell has
            none; or ``features``, (N, features) float32.
        features: with ``X="features"``: (N, 7844) as ``measure_table`` gives them, or a table of
            measurements with ``cell_id``, in any order. None = measured now, from the images.
        model: name of the model whose answers these are, kept in ``uns``.

    Returns:
        ``obs`` is the whole table, repeated texts as categories; ``var`` the English name and
        lineage of each class, or the names of the features; ``obsm["spatial"]`` (N, 2) px where the
        cells have places; ``obsm["stain"]`` (N, 6) where they have stain vectors;
        ``uns["marrowscope"]`` version, model, pixel size, and that it is for research only.

    Raises:
        InputError: anndata is not installed, ids repeat, there are no probabilities, or the
            features do not fit the cells.
    """
    require_extra("anndata", "AnnData")
    if X not in SOURCES:
        raise InputError(f"`X` is {X!r}; expected {' or '.join(SOURCES)}")
    if X == "probabilities" and features is not None:
        raise InputError("`features` are given, but `X` is 'probabilities'; pass `X='features'`")
    if "cell_id" not in cells.columns:
        raise InputError("the table has no column cell_id")
    repeated = cells.filter(pl.col("cell_id").is_duplicated() | pl.col("cell_id").is_null())
    if repeated.height:
        raise InputError(
            f"cell_id {repeated['cell_id'][0]!r} occurs in {repeated.height} rows or more; every "
            "cell of an AnnData needs an id of its own"
        )
    import pandas as pd
    from anndata import AnnData

    if X == "probabilities":
        values, names = _probabilities(cells)
        var = _class_facts(names)
    else:
        values, names = _features(cells, features)
        var = pd.DataFrame(index=pd.Index(names, dtype=object))
    obs = pd.DataFrame(
        _observations(cells), index=pd.Index(cells["cell_id"].to_list(), dtype=object)
    )
    obs.index.name = "cell_id"
    made = AnnData(values, obs=obs, var=var, uns=_unstructured(cells, X, model))
    if {"x", "y"} <= set(cells.columns):
        made.obsm["spatial"] = cells.select(pl.col("x", "y").cast(pl.Float64)).to_numpy()
    if "stain" in cells.columns and isinstance(cells.schema["stain"], pl.Array):
        made.obsm["stain"] = _stain(cells["stain"])
    for name in _COLOURED:
        codes = list(obs[name].cat.categories) if name in obs else []
        colours = [as_hex(colour) for code in codes if (colour := class_colour(code)) is not None]
        if codes and len(colours) == len(codes):  # else the tool's own palette does better
            made.uns[f"{name}_colors"] = colours
    return made


def _probabilities(cells: pl.DataFrame) -> tuple[NDArray[np.float32], list[str]]:
    codes = probability_codes(cells)
    if not codes:
        raise InputError(
            "the table has no probabilities (columns p_<CODE>); predict the cells first, or say "
            "`X='features'`"
        )
    return np.ascontiguousarray(probabilities(cells), dtype=np.float32), codes


def _features(
    cells: pl.DataFrame, features: NDArray[np.float32] | pl.DataFrame | None
) -> tuple[NDArray[np.float32], list[str]]:
    if isinstance(features, pl.DataFrame):
        return _from_table(cells, features)
    require_extra("analysis", "X='features' without a table that names them")
    # Imported here, for tables of probabilities need no measurements.
    from marrowscope.features.feature_catalogue import names
    from marrowscope.features.feature_table import measure_table

    known = list(names())
    values = measure_table(cells)[0] if features is None else np.asarray(features, np.float32)
    if values.shape != (cells.height, len(known)):
        raise InputError(
            f"`features` have the shape {values.shape}; expected a row for each of {cells.height} "
            f"cells and {len(known)} columns, or a table with names"
        )
    return np.ascontiguousarray(values), known


def _from_table(
    cells: pl.DataFrame, features: pl.DataFrame
) -> tuple[NDArray[np.float32], list[str]]:
    if "cell_id" not in features.columns or features["cell_id"].is_duplicated().any():
        raise InputError("`features`: the table needs a column cell_id, each id once")
    names = [name for name, kind in features.schema.items() if kind.is_numeric()]
    rows = cells.select("cell_id").join(
        features.with_columns(pl.lit(True).alias("\0there")),
        on="cell_id",
        how="left",
        maintain_order="left",
    )
    missing = rows.filter(pl.col("\0there").is_null())
    if missing.height:
        raise InputError(
            f"`features`: the table has no row for {missing.height} cells, such as "
            f"{missing['cell_id'][0]}"
        )
    values = rows.select(pl.col(names).cast(pl.Float32)).to_numpy()
    return np.ascontiguousarray(values, dtype=np.float32), names


def _class_facts(codes: list[str]) -> Any:
    """Name and lineage of each class, indexed by code."""
    import pandas as pd

    known = [BY_CODE.get(code) for code in codes]
    return pd.DataFrame(
        {
            "name": np.array(
                [code if one is None else one.name for code, one in zip(codes, known, strict=True)],
                dtype=object,
            ),
            "lineage": pd.Categorical(
                [(Lineage.OTHER if one is None else one.lineage).value for one in known]
            ),
        },
        index=pd.Index(codes, dtype=object),
    )


def _observations(cells: pl.DataFrame) -> dict[str, Any]:
    """Columns that pandas keeps with their gaps and that h5ad can hold."""
    columns: dict[str, Any] = {}
    for name in cells.columns:
        series = cells[name]
        if name == "cell_id" or (name == "stain" and isinstance(series.dtype, pl.Array)):
            continue
        shown = _RESERVED.get(name, name.replace("/", "_"))  # a slash would be a group in HDF5
        if shown in columns or (shown != name and shown in cells.columns):
            raise InputError(f"column {name!r}: would be {shown!r} in AnnData, which is there too")
        columns[shown] = _column(name, series)
    return columns


def _column(name: str, series: pl.Series) -> Any:
    import pandas as pd

    kind, gaps = series.dtype, series.null_count() > 0
    if kind == pl.Boolean:
        return pd.array(series.to_list(), dtype="boolean") if gaps else series.to_numpy()
    if kind.is_integer():
        if not gaps:
            return series.to_numpy()
        width = "UInt64" if kind == pl.UInt64 else "Int64"
        return pd.array(series.to_list(), dtype=width)
    if kind.is_float():
        return series.fill_null(float("nan")).to_numpy()
    texts = _texts(series)
    if gaps or name in _CATEGORIES:
        there = {text for text in texts if text is not None}
        order = in_display_order(there) if name in _COLOURED else sorted(there)
        return pd.Categorical(texts, categories=pd.Index(order, dtype=object))
    return np.array(texts, dtype=object)


def _texts(series: pl.Series) -> list[str | None]:
    if series.dtype == pl.String or series.dtype in (pl.Categorical, pl.Enum):
        return series.cast(pl.String).to_list()
    if series.dtype.is_nested():
        return [
            None if one is None else json.dumps(one, default=str, ensure_ascii=False)
            for one in series.to_list()
        ]
    return [None if one is None else str(one) for one in series.to_list()]


def _stain(series: pl.Series) -> NDArray[np.float32]:
    """(N, 6), nan where a cell has no stain vectors."""
    none = [float("nan")] * 6
    rows = [none if one is None else list(one) for one in series.to_list()]
    return np.array(rows, dtype=np.float32).reshape(len(rows), 6)


def _unstructured(cells: pl.DataFrame, source: str, model: str | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "version": __version__,
        "X": source,
        "use": RESEARCH_USE_ONLY,
        "spatial_unit": "px of level 0",
    }
    if model is not None:
        facts["model"] = model
    if "microns_per_pixel" in cells.columns:
        sizes = cells["microns_per_pixel"].drop_nulls().unique().sort().to_list()
        if sizes:
            facts["microns_per_pixel"] = sizes[0] if len(sizes) == 1 else np.array(sizes)
    return {"marrowscope": facts}
