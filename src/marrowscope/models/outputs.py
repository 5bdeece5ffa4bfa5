"""From network outputs to class probabilities."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from marrowscope.errors import InputError

if TYPE_CHECKING:  # imported where tensors come in: names of classes need no torch
    import torch


@dataclass(frozen=True)
class OutputMap:
    """Which class each output of a network stands for, and which classes it was taught.

    Attributes:
        outputs: class code of each output; a class may have several outputs (the study's
            networks have 22 outputs for 21 classes).
        known: classes that had training images. The others get probability exactly 0: a
            network that never saw a class cannot tell how likely it is.
    """

    outputs: tuple[str, ...]
    known: frozenset[str]

    def __post_init__(self) -> None:
        unknown = self.known - set(self.outputs)
        if unknown:
            raise InputError(f"classes without an output: {', '.join(sorted(unknown))}")
        if not self.known:
            raise InputError("a model must know at least one class")

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class once, in the order of the outputs."""
        return tuple(dict.fromkeys(self.outputs))

    def unknown(self, device: "torch.device") -> "torch.Tensor":
        """(outputs,) bool: which outputs stand for classes that are not known."""
        return _unknown(self.outputs, self.known, device)

    def log_probabilities(
        self, logits: "torch.Tensor", unknown: "torch.Tensor | None" = None
    ) -> "torch.Tensor":
        """Log-probability per class.

        Soft-max over the outputs of known classes; the outputs of one class are summed after
        the soft-max, as the group did in its earlier study.

        Args:
            logits: (N, outputs), any float type; computed in float32.
            unknown: of the method of that name, where a compiler traces this: made inside, it
                would be a copy from the host, which no CUDA graph can hold.

        Returns:
            (N, classes) float32; -inf for classes that are not known.
        """
        import torch

        unknown = self.unknown(logits.device) if unknown is None else unknown
        masked = logits.float().masked_fill(unknown, -torch.inf)
        each = torch.log_softmax(masked, dim=1)
        columns = []
        for code in self.classes:
            places = [place for place, output in enumerate(self.outputs) if output == code]
            if len(places) == 1 or code not in self.known:
                columns.append(each[:, places[0]])
            else:
                both = torch.stack([each[:, place] for place in places], dim=1)
                columns.append(torch.logsumexp(both, dim=1))
        return torch.stack(columns, dim=1)


@lru_cache(maxsize=64)
def _unknown(
    outputs: tuple[str, ...], known: frozenset[str], device: "torch.device"
) -> "torch.Tensor":
    import torch

    # Cached: a copy to a GPU at every step would make the host wait for it. A tensor made in
    # inference mode could not take part in training later.
    with torch.inference_mode(False):
        return torch.tensor([code not in known for code in outputs], device=device)
