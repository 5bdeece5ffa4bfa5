"""A network and cells → whether explanations depend on labels (Adebayo et al. 2018).

Networks of the same kind learn the same few cells by heart: two with the true labels and different
seeds, one with permuted labels. What the third looks at has nothing to do with the classes. Its
explanations must differ from the first one's by more than those of the second, which differ by
chance alone.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from marrowscope.errors import InputError
from marrowscope.explain.attribution import require_network
from marrowscope.explain.weight_randomization import explain_all, similarity
from marrowscope.models.bundle import Bundle
from marrowscope.progress import Advance

MEMORIZED = 0.95  # share of the cells that a network answers as it was taught
EPOCHS, BATCH, RATE = 120, 16, 1e-3
Cell = tuple[NDArray[np.uint8], str]


@dataclass(frozen=True)
class LabelRandomization:
    """Similarity of the explanations of networks that learned the same cells.

    Attributes:
        cells: learned by each network.
        learned: share of them answered as taught: true labels, again, permuted.
        same: Spearman and SSIM per method between the two networks with true labels.
        permuted: the same between the first and the one with permuted labels.
    """

    cells: int
    learned: tuple[float, float, float]
    same: dict[str, tuple[float, float]]
    permuted: dict[str, tuple[float, float]]

    @property
    def whole(self) -> bool:
        """Whether all three networks learned their cells, without which the test says little."""
        return min(self.learned) >= MEMORIZED


def label_randomization_test(
    bundle: Bundle,
    cells: Sequence[Cell],
    explained: Sequence[Cell],
    seed: int = 0,
    advance: Advance | None = None,
) -> LabelRandomization:
    """Train three small networks and compare what they look at.

    Args:
        bundle: tells the kind of network and its classes; its weights take no part.
        cells: images (H, W, 3) uint8 RGB of one size, and their class, to learn.
        explained: images and the class that is explained.
        seed: of weights, order and permutation.
        advance: progress over epochs.

    Raises:
        InputError: the model is not a network, or the cells are of one class only.
    """
    require_network(bundle)
    outputs = bundle.card.outputs
    truth = np.array([outputs.index(code) for _, code in cells])
    if len(set(truth.tolist())) < 2:
        raise InputError("the test with permuted labels needs labelled cells of two classes")
    images = torch.from_numpy(np.stack([image for image, _ in cells])).permute(0, 3, 1, 2)
    permuted = _permuted(truth, seed)
    trained = [
        _learned(bundle, images, labels, start, advance)
        for labels, start in ((truth, seed), (truth, seed + 1), (permuted, seed + 1))
    ]
    maps = [explain_all(Bundle(model, bundle.card), explained) for model, _ in trained]
    same, other = (
        {name: similarity(maps[0][name], maps[number][name]) for name in maps[0]}
        for number in (1, 2)
    )
    learned = tuple(share for _, share in trained)
    return LabelRandomization(len(cells), (learned[0], learned[1], learned[2]), same, other)


def _permuted(truth: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """The same labels, dealt out anew: as many of each, a cell's own only by chance."""
    return np.asarray(np.random.default_rng(seed).permutation(truth))


def _learned(
    bundle: Bundle,
    images: torch.Tensor,
    labels: NDArray[np.int64],
    seed: int,
    advance: Advance | None,
) -> tuple[nn.Module, float]:
    """A network from random weights that learned the cells by heart, and what share it knows."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    truth = torch.from_numpy(labels).to(device)
    order = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = _fresh(bundle.model).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=0.0)
        share = 0.0
        for epoch in range(EPOCHS):
            model.train()
            for batch in np.array_split(order.permutation(len(labels)), -(-len(labels) // BATCH)):
                optimizer.zero_grad(set_to_none=True)
                loss = functional.cross_entropy(model(_pixels(images, batch, device)), truth[batch])
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            share = _share(model, images, truth, device)
            if advance is not None:
                advance(1, total=3 * EPOCHS)
            if share >= MEMORIZED:
                if advance is not None:
                    advance(EPOCHS - epoch - 1)
                break
    return model.cpu().eval(), share


def _fresh(model: nn.Module) -> nn.Module:
    """The same network with random weights."""
    copied = copy.deepcopy(model)
    for module in copied.modules():
        reset = getattr(module, "reset_parameters", None)
        if callable(reset):
            reset()
    return copied.requires_grad_(True)


def _pixels(images: torch.Tensor, rows: NDArray[np.int64], device: torch.device) -> torch.Tensor:
    chosen = images[torch.from_numpy(rows)].to(device)
    return chosen.to(memory_format=torch.channels_last).float() / 255


def _share(
    model: nn.Module, images: torch.Tensor, truth: torch.Tensor, device: torch.device
) -> float:
    model.eval()
    with torch.no_grad():
        answers = [
            model(_pixels(images, rows, device)).argmax(dim=1)
            for rows in np.array_split(np.arange(len(truth)), -(-len(truth) // BATCH))
        ]
    return float((torch.cat(answers) == truth).float().mean())
