"""The feature-based baseline as a torch module: measured features → RBF support vectors → logits.

Everything that the model is lies in buffers, so that it travels as safetensors like a network:
names of the selected features, medians for missing ones, means and scales, support vectors with
the dual coefficients of every pair of classes, and a sigmoid per pair (Platt 1999, fitted on
out-of-fold decisions). Pairs are coupled to class probabilities by the second method of Wu, Lin &
Weng (JMLR 2004). Nothing is trained by gradients.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from marrowscope.errors import InputError
from marrowscope.features.cell_features import VERSION, measure_cell
from marrowscope.features.feature_catalogue import names

_ROWS = 64  # cells whose kernel is computed at a time


@dataclass(frozen=True)
class FittedSvm:
    """What was learned.

    Attributes:
        selected: (d,) places of the features in the catalogue.
        median, mean, scale: (d,) of the training cells, for imputation and standardization.
        vectors: (V, d) standardized support vectors.
        gamma: of the kernel exp(−gamma · squared distance).
        coefficients: (pairs, V) dual coefficients; intercepts: (pairs,).
        slopes, offsets: (pairs,), of the sigmoid of each pair's decision.
    """

    selected: NDArray[np.int64]
    median: NDArray[np.float64]
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    vectors: NDArray[np.float64]
    gamma: float
    coefficients: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    slopes: NDArray[np.float64]
    offsets: NDArray[np.float64]


class FeatureSvm(nn.Module):
    """Input (N, 3, 250, 250) float RGB in [0, 1]; output (N, outputs) logits.

    Attributes:
        imputed: how many feature values were missing, and replaced by the training median, in
            all images seen since the module was made.
    """

    def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
        super().__init__()
        for name in _SHAPES:
            self.register_buffer(name, tensors[name].clone())
        self.imputed = 0
        text = bytes(tensors["names"].tolist()).decode()
        place = {name: index for index, name in enumerate(names())}
        self.selected = tuple(text.split("\n"))
        self._places = np.array([place[name] for name in self.selected])

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of images; computed on the processor, whatever the device."""
        logits = self.from_values(self._measured(images))
        return logits.to(images.device, torch.float32)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """(N, d) standardized selected features."""
        return self._standardized(self._measured(images)).to(images.device, torch.float32)

    def from_values(self, values: NDArray[np.float32]) -> torch.Tensor:
        """(N, all features) → (N, outputs) float64 logits."""
        rows = self._standardized(values)
        vectors = self._numbers("vectors")
        parts = []
        for start in range(0, len(rows), _ROWS):
            distance = torch.cdist(rows[start : start + _ROWS], vectors) ** 2
            kernel = torch.exp(-self._numbers("gamma") * distance)
            decisions = kernel @ self._numbers("coefficients").T + self._numbers("intercepts")
            chances = torch.sigmoid(decisions * self._numbers("slopes") + self._numbers("offsets"))
            parts.append(couple(chances).log())
        known = torch.cat(parts)
        places = self.get_buffer("class_of_output").cpu()
        # Outputs of one class are summed after the soft-max: each gets its part.
        shared = torch.bincount(places[places >= 0], minlength=known.shape[1]).double().log()
        logits = known[:, places.clamp(min=0)] - shared[places.clamp(min=0)]
        return torch.where(places >= 0, logits, torch.zeros(()).double())

    def _numbers(self, name: str) -> torch.Tensor:
        return self.get_buffer(name).cpu().double()

    def _measured(self, images: torch.Tensor) -> NDArray[np.float32]:
        pixels = (images.detach().float() * 255).round().clamp(0, 255).to(torch.uint8)
        batch = np.ascontiguousarray(pixels.permute(0, 2, 3, 1).cpu().numpy())
        # OpenCV, NumPy and mahotas let other threads run while they compute.
        with ThreadPoolExecutor(min(os.cpu_count() or 1, max(1, len(batch)))) as pool:
            return np.stack(list(pool.map(lambda image: measure_cell(image)[1], batch)))

    def _standardized(self, values: NDArray[np.float32]) -> torch.Tensor:
        chosen = torch.from_numpy(values[:, self._places].astype(np.float64))
        missing = torch.isnan(chosen)
        self.imputed += int(missing.sum())
        filled = torch.where(missing, self._numbers("median"), chosen)
        return (filled - self._numbers("mean")) / self._numbers("scale")


# Sizes by letter: d features, v vectors, p pairs, k known classes, o outputs, t letters.
_SHAPES: dict[str, tuple[str, torch.dtype]] = {
    "version": ("1", torch.int64),
    "names": ("t", torch.uint8),
    "median": ("d", torch.float64),
    "mean": ("d", torch.float64),
    "scale": ("d", torch.float64),
    "vectors": ("vd", torch.float64),
    "gamma": ("1", torch.float64),
    "coefficients": ("pv", torch.float64),
    "intercepts": ("p", torch.float64),
    "slopes": ("p", torch.float64),
    "offsets": ("p", torch.float64),
    "class_of_output": ("o", torch.int64),
}


def couple(chances: torch.Tensor) -> torch.Tensor:
    """Class probabilities from those of all pairs (Wu, Lin & Weng 2004, method 2).

    Minimizes the sum over pairs of (r_ji p_i − r_ij p_j)² over probabilities that sum to 1, by
    its linear system.

    Args:
        chances: (N, pairs) float64 in [0, 1], of the first class of each pair, pairs in the order
            (0, 1), (0, 2) … (1, 2) …

    Returns:
        (N, classes) float64, positive, rows sum to 1.
    """
    pairs = chances.shape[1]
    classes = round((1 + (1 + 8 * pairs) ** 0.5) / 2)
    first, second = torch.triu_indices(classes, classes, 1)
    table = torch.zeros(len(chances), classes, classes, dtype=chances.dtype)
    held = chances.clamp(_MIN_PROBABILITY, 1 - _MIN_PROBABILITY)
    table[:, first, second], table[:, second, first] = held, 1 - held
    system = torch.zeros(len(chances), classes + 1, classes + 1, dtype=chances.dtype)
    square = table.transpose(1, 2) ** 2
    system[:, :classes, :classes] = torch.diag_embed(square.sum(dim=2)) - table * table.mT
    system[:, classes, :classes] = system[:, :classes, classes] = 1.0
    right = torch.zeros(len(chances), classes + 1, 1, dtype=chances.dtype)
    right[:, classes] = 1.0
    found = torch.linalg.solve(system, right)[:, :classes, 0].clamp(min=_MIN_PROBABILITY)
    coupled: torch.Tensor = found / found.sum(dim=1, keepdim=True)
    return coupled


_MIN_PROBABILITY = 1e-6


def build(fitted: FittedSvm, outputs: tuple[str, ...], known: tuple[str, ...]) -> FeatureSvm:
    """The module of a fitted machine whose classes are ``known``, in this order."""
    text = "\n".join(names()[place] for place in fitted.selected).encode()
    arrays = {
        "version": np.array([VERSION]),
        "names": np.frombuffer(text, np.uint8).copy(),
        "gamma": np.array([fitted.gamma]),
        "class_of_output": np.array([known.index(o) if o in known else -1 for o in outputs]),
        **{
            name: getattr(fitted, name)
            for name in (
                "median",
                "mean",
                "scale",
                "vectors",
                "coefficients",
                "intercepts",
                "slopes",
                "offsets",
            )
        },
    }
    return FeatureSvm({name: torch.from_numpy(np.asarray(a)) for name, a in arrays.items()})


def from_tensors(
    tensors: dict[str, torch.Tensor], outputs: int, known: int, source: str
) -> FeatureSvm:
    """Check the tensors of a bundle and make the module.

    Raises:
        InputError: a tensor is missing, unknown, of another shape or type or not finite, a feature
            has no name here, or the features are of another version.
    """
    sizes = {"1": 1, "o": outputs, "k": known, "p": known * (known - 1) // 2}
    for name in sorted(_SHAPES.keys() | tensors.keys()):
        if name not in tensors:
            raise InputError(f"{source}: tensor {name} is missing")
        if name not in _SHAPES:
            raise InputError(f"{source}: unexpected tensor {name}")
        letters, kind = _SHAPES[name]
        tensor = tensors[name]
        fits = tensor.dim() == len(letters) and tensor.dtype == kind
        for letter, size in zip(letters, tensor.shape, strict=False):
            fits = fits and sizes.setdefault(letter, size) == size and size > 0
        if not fits:
            raise InputError(
                f"{source}: tensor {name} is {tuple(tensor.shape)} {tensor.dtype}, "
                "which does not fit the others"
            )
        if not torch.isfinite(tensor).all():
            raise InputError(f"{source}: tensor {name} holds values that are not finite")
    if int(tensors["version"]) != VERSION:
        raise InputError(
            f"{source}: made with features of version {int(tensors['version'])}; this is version "
            f"{VERSION}; train the model again"
        )
    if (tensors["scale"] <= 0).any() or float(tensors["gamma"]) <= 0:
        raise InputError(f"{source}: scales and gamma must be positive")
    places = tensors["class_of_output"]
    if set(places.tolist()) - {-1} != set(range(known)):
        raise InputError(f"{source}: class_of_output does not fit the {known} known classes")
    selected = bytes(tensors["names"].tolist()).decode(errors="replace").split("\n")
    unknown = set(selected) - set(names())
    if unknown or len(selected) != sizes["d"]:
        raise InputError(f"{source}: names must list {sizes['d']} features of this version")
    return FeatureSvm(tensors)
