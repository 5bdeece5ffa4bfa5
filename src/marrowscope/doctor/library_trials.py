"""The name of an optional library → a small task that it has to solve, with what is used of it.

Some libraries load their parts only when they are asked for: ``import skimage`` proves nothing.
Each task takes a few hundredths of a second.
"""

import hashlib
import io
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module

import numpy as np
from PIL import Image

from marrowscope.models.architectures import LITE
from marrowscope.models.imagenet_weights import imagenet_weights, package_of
from marrowscope.silent_import import import_silently


def _near(found: object, expected: object) -> None:
    """Raises ArithmeticError for another result than the expected one."""
    if not np.allclose(np.asarray(found, float), np.asarray(expected, float), atol=1e-3):
        raise ArithmeticError(f"gives {found} instead of {expected}")


def _torch() -> None:
    import torch

    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    _near(torch.nn.functional.conv2d(image, torch.ones(1, 1, 4, 4)).item(), 120)


def _tensorboard() -> None:
    from torch.utils.tensorboard import SummaryWriter

    with tempfile.TemporaryDirectory(prefix="marrowscope-") as folder:
        writer = SummaryWriter(folder)
        writer.add_scalar("loss", 0.5, 1)
        writer.close()


def _lightning() -> None:
    import logging

    import lightning.pytorch
    from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="marrowscope-") as folder:
        loggers = [CSVLogger(folder), TensorBoardLogger(folder)]
        lightning.pytorch.Trainer(
            accelerator="cpu",
            devices=1,
            max_steps=1,
            logger=loggers,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )


def _sklearn() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.manifold import trustworthiness
    from sklearn.metrics import f1_score
    from sklearn.model_selection import StratifiedKFold, train_test_split
    from sklearn.neighbors import NearestNeighbors
    from sklearn.svm import SVC

    points, labels = np.array([[0.0], [1.0], [4.0], [5.0]]), np.array([0, 0, 1, 1])
    _near(SVC().fit(points, labels).predict(points), labels)
    _near(LogisticRegression().fit(points, labels).predict(points), labels)
    _near(f1_score(labels, labels), 1)
    _near(trustworthiness(points, points, n_neighbors=1), 1)
    _near(NearestNeighbors(n_neighbors=1).fit(points).kneighbors([[4.9]])[1], 3)
    _near([len(part) for _, part in StratifiedKFold(2).split(points, labels)], 2)
    _near(len(train_test_split(points, test_size=1, random_state=0)[0]), 3)


def _skimage() -> None:
    from skimage.metrics import structural_similarity
    from skimage.segmentation import watershed

    image = np.add.outer(np.arange(8.0), np.arange(8.0))
    _near(structural_similarity(image, image, data_range=14.0), 1)
    seeds = np.zeros((8, 8), int)
    seeds[0, 0], seeds[7, 7] = 1, 2
    _near(np.unique(watershed(-image, seeds)), [1, 2])


def _joblib() -> None:
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky import ProcessPoolExecutor  # noqa: F401

    with parallel_config(backend="sequential"):
        _near(Parallel()(delayed(abs)(value) for value in (-1, 2)), [1, 2])


def _threadpoolctl() -> None:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        pass


def _captum() -> None:
    import torch
    from captum.attr import LayerGradCam, NoiseTunnel, Saliency

    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 2, 3), torch.nn.Flatten(), torch.nn.Linear(8, 2)
    )
    image = torch.ones(1, 3, 4, 4)
    found = NoiseTunnel(Saliency(network)).attribute(image, nt_samples=2, target=0)
    _near(found.shape, image.shape)
    _near(LayerGradCam(network, network[0]).attribute(image, target=0).shape, (1, 1, 2, 2))


def _umap() -> None:
    from umap import UMAP

    UMAP(n_neighbors=2)  # to fit one, numba compiles for ten seconds


def _cleanlab() -> None:
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    labels = np.array([0, 0, 1, 1, 1])
    chances = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9], [0.98, 0.02]])
    _near(find_label_issues(labels, chances, n_jobs=1), [0, 0, 0, 0, 1])
    _near(get_label_quality_scores(labels, chances), [0.9, 0.9, 0.9, 0.9, 0.02])


def _mahotas() -> None:
    import mahotas

    disc = np.hypot(*np.mgrid[-4:5, -4:5]) <= 4
    _near(mahotas.features.zernike_moments(disc, 4, degree=1, cm=(4, 4)), [1 / np.pi, 0])


def _plotly() -> None:
    import plotly.graph_objects as graph

    if "scatter" not in graph.Figure(graph.Scatter(y=[1, 2])).to_json():
        raise ArithmeticError("draws nothing")


def _weasyprint() -> None:
    import weasyprint
    from weasyprint.urls import URLFetcher

    fetcher = URLFetcher(allowed_protocols=("data",), allow_redirects=False)
    weasyprint.HTML(string="<p>doctor", url_fetcher=fetcher)  # the check of PDF writes one


def _pydicom() -> None:
    import pydicom
    from pydicom.errors import InvalidDicomError  # noqa: F401
    from pydicom.sr.codedict import codes

    written = pydicom.Dataset()
    written.Rows = 250
    _near(int(written.Rows), 250)
    _near(int(codes.DCM.ArtificialIntelligence.value), 123109)


def _highdicom() -> None:
    import highdicom
    from pydicom.sr.codedict import codes

    highdicom.AlgorithmIdentificationSequence(
        name="doctor", version="1", family=codes.DCM.ArtificialIntelligence
    )


def _nncf() -> None:
    nncf = import_silently("nncf")
    import_silently("nncf.quantization.range_estimator")
    import_silently("nncf.quantization.advanced_parameters").AdvancedQuantizationParameters()
    nncf.Dataset([np.zeros((1, 3, 4, 4), np.float32)])


def _anndata() -> None:
    from anndata import AnnData

    _near(AnnData(np.ones((2, 3))).shape, (2, 3))


def _distributed() -> None:
    import distributed
    from distributed.comm import connect

    if not (callable(connect) and callable(distributed.Client)):
        raise ArithmeticError("distributed has no client")


def _pillow_heif() -> None:
    import pillow_heif

    stream = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (16, 16), "white")).save(stream, quality=90)
    _near(pillow_heif.open_heif(stream).size, (16, 16))


def _timm() -> None:
    timm = import_module("timm")  # without types, and not always there
    timm.create_model("resnet18", pretrained=False, num_classes=0)


def _sqlalchemy() -> None:
    import sqlalchemy
    import sqlalchemy.dialects
    import sqlalchemy.engine
    import sqlalchemy.exc

    with sqlalchemy.create_engine("sqlite://").connect() as connection:
        _near(connection.execute(sqlalchemy.text("SELECT 1 + 1")).scalar_one(), 2)


def _alembic() -> None:
    import alembic
    import alembic.config
    import alembic.migration
    import alembic.runtime.environment
    import alembic.script
    import sqlalchemy

    with sqlalchemy.create_engine("sqlite://").connect() as connection:
        context = alembic.migration.MigrationContext.configure(connection)
        if context.get_current_revision() is not None:
            raise ArithmeticError("finds a version in an empty database")


def _argon2() -> None:
    import argon2
    import argon2.exceptions

    hasher = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    hasher.verify(hasher.hash("word"), "word")


def _psycopg() -> None:
    import psycopg

    _near(psycopg.pq.version() >= 120000, True)


def _starlette() -> None:
    import starlette.applications
    import starlette.concurrency
    import starlette.requests
    import starlette.responses
    import starlette.routing

    starlette.applications.Starlette(routes=[])


def _uvicorn() -> None:
    import uvicorn

    uvicorn.Config(lambda: None, log_config=None)


def _imagenet_weights(model: str) -> None:
    """Files of weights have the first digits of their checksum in their name."""
    path = imagenet_weights(model)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if not digest.startswith(path.stem.rpartition("-")[2]):
        raise ArithmeticError(f"{path.name} is damaged")


TRIALS: Mapping[str, Callable[[], None]] = {
    "torch": _torch,
    "tensorboard": _tensorboard,
    "lightning": _lightning,
    "sklearn": _sklearn,
    "skimage": _skimage,
    "joblib": _joblib,
    "threadpoolctl": _threadpoolctl,
    "captum": _captum,
    "umap": _umap,
    "cleanlab": _cleanlab,
    "mahotas": _mahotas,
    "plotly": _plotly,
    "weasyprint": _weasyprint,
    "pydicom": _pydicom,
    "highdicom": _highdicom,
    "nncf": _nncf,
    "anndata": _anndata,
    "distributed": _distributed,
    "pillow_heif": _pillow_heif,
    "timm": _timm,
    "sqlalchemy": _sqlalchemy,
    "alembic": _alembic,
    "argon2": _argon2,
    "psycopg": _psycopg,
    "starlette": _starlette,
    "uvicorn": _uvicorn,
    **{package_of(model): partial(_imagenet_weights, model) for model in LITE},
}
