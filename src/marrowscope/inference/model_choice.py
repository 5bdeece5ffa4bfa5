"""A model by name, and how it is to compute → the same model in another process."""

import os
from dataclasses import dataclass
from functools import lru_cache

from marrowscope.errors import InputError
from marrowscope.inference.engine import Engine
from marrowscope.inference.engine_choice import choose_engine
from marrowscope.inference.resume_cache import prediction_identity
from marrowscope.models.bundle import Bundle, load_bundle


@dataclass(frozen=True)
class ModelChoice:
    """Plain data, from which a model is loaded.

    Attributes:
        name: of a shipped model, or a bundle folder; absolute.
        engine, device, calibrated: as for ``choose_engine``.
        identity: of weights, parts and engine, as ``prediction_identity``; another one is refused.
    """

    name: str
    engine: str = "auto"
    device: str = "auto"
    calibrated: bool = True
    identity: str | None = None


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to compute.

    Attributes:
        bundle: network and card.
        engine: computes the probabilities.
        engine_remark: what a user should know of the choice of the engine.
    """

    bundle: Bundle
    engine: Engine
    engine_remark: str | None


def bundle_name(name: str) -> str:
    """A name by which another process finds the bundle: of a folder its absolute path."""
    return os.path.abspath(name) if os.path.isdir(name) else name


@lru_cache(maxsize=1)
def loaded_model(choice: ModelChoice) -> LoadedModel:
    """Load a model; the last one stays for the next call.

    Raises:
        InputError: it cannot be loaded, or is another one than the one meant.
    """
    bundle = load_bundle(choice.name)
    engine, remark = choose_engine(bundle, choice.engine, choice.device, choice.calibrated)
    made_by = prediction_identity(bundle, engine.name, choice.calibrated)
    if choice.identity is not None and made_by != choice.identity:
        raise InputError(
            f"{choice.name}: is another model here, or computes with another engine "
            f"({engine.name}) than where the work is given out; name `engine` and `device`, and "
            "share the folder"
        )
    return LoadedModel(bundle, engine, remark)
