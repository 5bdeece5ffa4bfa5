"""A recipe by name, file or as it is, and changes of it → the recipe of a training."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from marrowscope.api.arguments import AnyPath
from marrowscope.errors import InputError

if TYPE_CHECKING:
    from marrowscope.training.recipe import Recipe

# {"epochs": 3, "augmentation.shift": 0.1}, or the same as ["epochs=3", "augmentation.shift=0.1"].
Changes: TypeAlias = Mapping[str, object] | Sequence[str]


def as_recipe(given: "Recipe | AnyPath | None", changes: Changes | None, model: str) -> "Recipe":
    """The recipe of a training; needs the extra ``train``.

    Args:
        given: shipped one by name, YAML file, or a recipe; None: what suits the model.
        changes: of single values; not of a recipe that was made already.
        model: as for ``train``.

    Raises:
        InputError: no such recipe, or a change that does not fit it.
    """
    from marrowscope.training.recipe import Recipe, load_recipe
    from marrowscope.training.run_setup import default_recipe

    lines = _lines(changes or ())
    if isinstance(given, Recipe):
        if lines:
            raise InputError("`changes` are for a recipe by name; change the recipe itself instead")
        return given
    return load_recipe(default_recipe(model) if given is None else os.fspath(given), lines)


def _lines(changes: Changes) -> list[str]:
    if isinstance(changes, Mapping):
        return [f"{key}={json.dumps(value)}" for key, value in changes.items()]
    return list(changes)
