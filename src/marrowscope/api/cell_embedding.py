"""A network and a cell table come in; a map of the cells by its features comes out."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from marrowscope.api.arguments import AnyPath, Cells, as_table, begin, naming
from marrowscope.api.classifier import Model, as_bundle
from marrowscope.extras import require_extra
from marrowscope.io.atomic import replacing
from marrowscope.io.json_data import finite, json_text
from marrowscope.models import DEFAULT_MODEL
from marrowscope.progress import Stage

if TYPE_CHECKING:
    from marrowscope.explain.embedding import Embedding


@dataclass(frozen=True)
class CellMap:
    """Cells in the plane, near each other where the network sees them alike.

    Attributes:
        embedding: places, features, measures.
        title: of figure and page.
        seed: of the map.
    """

    embedding: "Embedding"
    title: str
    seed: int

    @property
    def table(self) -> pl.DataFrame:
        """The cells that could be read, with ``umap_1`` and ``umap_2``."""
        return self.embedding.table

    @property
    def features(self) -> NDArray[np.float32]:
        """(N, F), in the order of the table."""
        return self.embedding.features

    @property
    def measures(self) -> dict[str, Any]:
        """How far to believe the map: ``purity``, ``trustworthiness`` …; empty without labels."""
        return self.embedding.measures

    @property
    def unread(self) -> tuple[tuple[str, str], ...]:
        """Path and reason of images that could not be read."""
        return self.embedding.unread

    def to_dict(self) -> dict[str, Any]:
        """Method and measures as data for JSON; ``map.json`` of a folder."""
        data: dict[str, Any] = finite({"method": self.embedding.method, **self.measures})
        return data

    def save(self, folder: AnyPath) -> Path:
        """Write figure, interactive page, table with features, and measures into a folder.

        Returns:
            The page.

        Raises:
            InputError: it cannot be written.
        """
        from marrowscope.report.embedding_page import embedding_figure, embedding_page

        place = Path(folder)
        with replacing(place / "map.png") as temporary:
            embedding_figure(self.embedding, self.title).savefig(temporary, format="png", dpi=150)
        with replacing(place / "map.html") as temporary:
            page = embedding_page(self.embedding, self.title, self.seed)
            temporary.write_text(page, encoding="utf-8")
        columns = pl.Array(pl.Float32, self.features.shape[1])
        with replacing(place / "cells.parquet") as temporary:
            features = pl.Series("features", self.features, dtype=columns)
            self.table.with_columns(features).write_parquet(temporary)
        with replacing(place / "map.json") as temporary:
            temporary.write_text(json_text(self.to_dict()), encoding="utf-8")
        return place / "map.html"


def embed(
    cells: Cells,
    model: Model | AnyPath | None = None,
    output: AnyPath | None = None,
    *,
    seed: int = 0,
    progress: Stage | None = None,
) -> CellMap:
    """Map cells by the features of a network (UMAP), with measures of the map.

    Args:
        cells: table with ``path``.
        model: of ``load_model``, or a name or bundle folder; None: the default model.
        output: folder for figure, page, table and measures.
        seed: of the map.
        progress: called with what begins, returns ``advance(done, total=...)``.

    Raises:
        InputError: the extra is missing, the model is no network, or fewer than 3 images can be
            read.
    """
    require_extra("analysis", "embedding")
    from marrowscope.explain.embedding import embed as make

    bundle = as_bundle(DEFAULT_MODEL if model is None else model)
    table = as_table(cells, ("path",))
    with naming(cells):
        found = make(bundle, table, seed, begin(progress, "features"))
    made = CellMap(found, f"{bundle.card.name}: {found.table.height:,} cells", seed)
    if output is not None:
        begin(progress, "drawing")
        made.save(output)
    return made
