"""A network and cells → a map of the cells by its features, with measures of the map.

Features of the last convolution stage; UMAP (McInnes et al. 2018) with a fixed seed. How far the
map can be believed is measured: trustworthiness (Venna and Kaski 2001), the share of neighbours of
the same class in the features and in the map, and whether classes that follow each other in
maturation lie next to each other.
"""

from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from marrowscope.cell_pixels import cell_images, read_cell
from marrowscope.cells import usable
from marrowscope.errors import InputError, TableError
from marrowscope.io.image_file import ImageError
from marrowscope.models.bundle import Bundle
from marrowscope.morphology import BY_CODE, in_display_order
from marrowscope.progress import Advance
from marrowscope.training.thread_count import restored_thread_count

Array = NDArray[np.float64]
NEIGHBOURS = 15  # of UMAP and of the measures
MIN_CELLS = 10  # cells; below, UMAP has no neighbourhoods and principal components are drawn
PERMUTATIONS = 2_000
_BATCH = 32


@dataclass(frozen=True)
class Embedding:
    """Cells in the map.

    Attributes:
        table: rows that could be read, with ``umap_1`` and ``umap_2``.
        features: (N, F) float32.
        method: how the map was made.
        measures: see ``embedding_measures``; empty without labels.
        unread: (path, reason) of images that were left out.
    """

    table: pl.DataFrame
    features: NDArray[np.float32]
    method: str
    measures: dict[str, Any]
    unread: tuple[tuple[str, str], ...]


def embed(
    bundle: Bundle, table: pl.DataFrame, seed: int = 0, advance: Advance | None = None
) -> Embedding:
    """Compute features, map and measures.

    Args:
        bundle: a network.
        table: with ``path``; ``label`` for the measures; ``microns_per_pixel`` where images differ.
        seed: of UMAP, which then runs on one thread and gives the same map again.
        advance: progress over images.

    Raises:
        InputError: the model is not a network, or fewer than 3 images can be read.
    """
    if not isinstance(bundle.model, torch.nn.Module) or not hasattr(bundle.model, "features"):
        raise InputError(f"{bundle.card.name}: has no features to map; name a network")
    rows = usable(table)
    features, unread = _features(bundle, rows, advance)
    rows = rows.filter(
        ~pl.Series([path in dict(unread) for path in rows["path"]], dtype=pl.Boolean)
    )
    if rows.height < 3:
        raise TableError(f"{rows.height} images can be read; a map needs at least 3")
    places, method = project(features, seed)
    rows = rows.with_columns(umap_1=pl.Series(places[:, 0]), umap_2=pl.Series(places[:, 1]))
    labels = rows["label"].to_list() if "label" in rows.columns else [None] * rows.height
    known = np.array([label is not None for label in labels])
    measures: dict[str, Any] = {}
    if known.sum() > NEIGHBOURS + 1 and len(set(labels) - {None}) > 1:
        chosen = [str(label) for label in labels if label is not None]
        measures = embedding_measures(features[known], places[known], chosen, seed)
    return Embedding(rows, features, method, measures, unread)


def project(features: NDArray[np.float32], seed: int = 0) -> tuple[Array, str]:
    """(N, 2) places, and how they were found; few cells get principal components."""
    scaled = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    if len(features) < MIN_CELLS:
        centred = scaled - scaled.mean(axis=0)
        vectors = np.linalg.svd(centred, full_matrices=False)[2][:2]
        places = centred @ vectors.T
        places = np.pad(places, ((0, 0), (0, 2 - places.shape[1])))
        return places.astype(np.float64), f"principal components ({len(features)} cells are few)"
    from umap import UMAP

    _keep_compiled()
    neighbours = min(NEIGHBOURS, len(features) - 1)
    # Where a random seed is given, UMAP runs on one thread anyway; saying so keeps it from a line.
    reducer = UMAP(n_neighbors=neighbours, min_dist=0.1, random_state=seed, n_jobs=1)
    with restored_thread_count():  # UMAP sets OpenMP's for the whole process
        places = np.asarray(reducer.fit_transform(scaled), dtype=np.float64)
    return places, f"UMAP, {neighbours} neighbours, seed {seed}"


def _keep_compiled() -> None:
    """Numba keeps what it compiles of UMAP on disk: 12 s for the first map, not for each one."""
    from umap import layouts, umap_, utils

    for module, names in (
        (umap_, ("smooth_knn_dist", "compute_membership_strengths")),
        (utils, ("fast_knn_indices", "submatrix")),
        (layouts, ("_nb_optimize_layout_euclidean_single_epoch",)),
    ):
        for name in names:
            compiled: Any = getattr(module, name, None)
            if hasattr(compiled, "enable_caching"):  # another version of UMAP only starts slower
                with suppress(RuntimeError):  # no place to write
                    compiled.enable_caching()


def embedding_measures(
    features: NDArray[np.float32], places: Array, labels: list[str], seed: int = 0
) -> dict[str, Any]:
    """How far a map can be believed.

    Args:
        features: (N, F).
        places: (N, 2).
        labels: class codes.
        seed: of the permutations.

    Returns:
        ``trustworthiness`` of the map in [0, 1]; ``purity`` and ``purity_map``: mean share of the
        15 nearest neighbours that have the same class, overall and per class, in the features and
        in the map, and ``chance``; ``series``: see ``trajectories``.
    """
    from sklearn.manifold import trustworthiness
    from sklearn.neighbors import NearestNeighbors

    scaled = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    truth = np.array(labels)
    neighbours = min(NEIGHBOURS, (len(labels) - 1) // 2)
    found: dict[str, Any] = {
        "neighbours": neighbours,
        "trustworthiness": float(trustworthiness(scaled, places, n_neighbors=neighbours)),
    }
    for name, space in (("purity", scaled), ("purity_map", places)):
        near = NearestNeighbors(n_neighbors=neighbours).fit(space)
        # Without the cell itself, which among equal cells need not be the first.
        index = near.kneighbors(return_distance=False)
        same = (truth[index] == truth[:, None]).mean(axis=1)
        found[name] = {
            "all": float(same.mean()),
            **{code: float(same[truth == code].mean()) for code in in_display_order(set(labels))},
        }
    counts = np.unique(truth, return_counts=True)[1]
    found["chance"] = float((counts * (counts - 1)).sum() / (len(truth) * (len(truth) - 1)))
    found["series"] = trajectories(places, labels, seed)
    return found


def trajectories(places: Array, labels: list[str], seed: int = 0) -> dict[str, dict[str, float]]:
    """Whether steps of maturation are steps in the map, for every series with three stages or more.

    Statistic: Spearman correlation, over pairs of classes of the series, of the difference in
    maturity with the distance of the classes' medians in the map. p: share of permutations of the
    stages with at least that correlation; few stages cannot give a small one.
    """
    from scipy.stats import spearmanr

    truth, result = np.array(labels), {}
    series: dict[str, list[str]] = {}
    for code in in_display_order(set(labels)):
        cell = BY_CODE.get(code)
        if cell is not None and cell.series is not None and cell.maturity is not None:
            series.setdefault(cell.series, []).append(code)
    random = np.random.default_rng(seed)
    for name, codes in series.items():
        stages = np.array([BY_CODE[code].maturity for code in codes], dtype=float)
        if len(set(stages.tolist())) < 3:
            continue
        middles = np.array([np.median(places[truth == code], axis=0) for code in codes])
        pairs = np.array(list(combinations(range(len(codes)), 2)))
        gaps = np.linalg.norm(middles[pairs[:, 0]] - middles[pairs[:, 1]], axis=1)

        def agreement(order: Array, pairs: Any = pairs, gaps: Any = gaps) -> float:
            steps = np.abs(order[pairs[:, 0]] - order[pairs[:, 1]])
            return float(spearmanr(steps, gaps).statistic)

        observed = agreement(stages)
        drawn = [agreement(random.permutation(stages)) for _ in range(PERMUTATIONS)]
        beyond = sum(value >= observed - 1e-12 for value in drawn)
        result[name] = {
            "classes": float(len(codes)),
            "correlation": observed,
            "p": (beyond + 1) / (PERMUTATIONS + 1),
        }
    return result


def _features(
    bundle: Bundle, rows: pl.DataFrame, advance: Advance | None
) -> tuple[NDArray[np.float32], tuple[tuple[str, str], ...]]:
    """(N, F) of the readable images, and those that are not."""
    model: Any = bundle.model
    cells, paths = cell_images(rows), rows["path"].to_list()
    found, unread = [], []
    with torch.inference_mode():
        for start in range(0, len(paths), _BATCH):
            images = []
            part = range(start, min(start + _BATCH, len(paths)))
            for row in part:
                try:
                    images.append(read_cell(cells[row]))
                except ImageError as error:
                    unread.append((paths[row], error.reason))
            if images:
                batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
                found.append(model.features(batch).float().numpy())
            if advance is not None:
                advance(len(part), total=len(paths))
    width = found[0].shape[1] if found else 0
    return np.concatenate([np.empty((0, width), np.float32), *found]), tuple(unread)
