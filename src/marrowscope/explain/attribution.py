"""A network and an image → which pixels speak for a class: SmoothGrad, Grad-CAM (captum).

SmoothGrad: Smilkov et al. 2017, the mean gradient of the class over noisy copies of the image.
Grad-CAM: Selvaraju et al., ICCV 2017, the maps of the last convolution stage weighted by the mean
gradient of the class. Both explain the logarithm of the probability that the network gives the
class, with one view of the image.
"""

from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from marrowscope.errors import InputError
from marrowscope.explain.target_layer import has_spatial_maps, target_layer
from marrowscope.models.bundle import Bundle

AttributionMap = NDArray[np.float32]
SAMPLES, NOISE = 50, 0.15  # copies; standard deviation as a share of the image's range
_BATCH = 10


def require_network(bundle: Bundle) -> None:
    """Refuse a model without gradients.

    Raises:
        InputError: it is not a network with a stage that keeps places.
    """
    if not has_spatial_maps(bundle.model):
        raise InputError(
            f"{bundle.card.name}: a model of kind {bundle.card.architecture!r} has no last "
            "convolution stage to explain; name a network"
        )


def smoothgrad(
    bundle: Bundle, image: NDArray[np.uint8], code: str, seed: int = 0, samples: int = SAMPLES
) -> AttributionMap:
    """How much each pixel changes the evidence for a class.

    Args:
        bundle: a network.
        image: (H, W, 3) uint8 RGB.
        code: of the class.
        seed: of the noise; the same seed gives the same map.
        samples: noisy copies.

    Returns:
        (H, W) float32, 0 or more: largest absolute mean gradient of the three channels.

    Raises:
        InputError: the model is not a network, or does not know the class.
    """
    from captum.attr import NoiseTunnel, Saliency

    target = _target(bundle, code)
    pixels = _pixels(image)
    deviation = NOISE * float(pixels.max() - pixels.min())
    tunnel = NoiseTunnel(Saliency(_evidence(bundle)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found = tunnel.attribute(
            pixels,
            nt_type="smoothgrad",
            nt_samples=samples,
            nt_samples_batch_size=_BATCH,
            stdevs=deviation,
            target=target,
            abs=False,
        )
    return _array(found[0].abs().amax(dim=0))


def grad_cam(bundle: Bundle, image: NDArray[np.uint8], code: str) -> AttributionMap:
    """Where the last stage that knows places sees evidence for a class; see ``stage``.

    Args:
        bundle: a network.
        image: (H, W, 3) uint8 RGB.
        code: of the class.

    Returns:
        (H, W) float32, 0 or more, enlarged from the small map of the stage.

    Raises:
        InputError: as ``smoothgrad``, or the last stage is not a grid.
    """
    from captum.attr import LayerGradCam

    target = _target(bundle, code)
    height, width = image.shape[:2]
    with target_layer(bundle.model) as stage:
        explainer = LayerGradCam(_evidence(bundle), stage)
        # The weights stay as they are; their gradients only let the stage's output have one.
        found = explainer.attribute(
            _pixels(image).requires_grad_(), target=target, relu_attributions=True
        )
    small = _array(found[0, 0])
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.maximum(large, 0), dtype=np.float32)


METHODS = {"SmoothGrad": smoothgrad, "Grad-CAM": grad_cam}


def share_inside(attribution: AttributionMap, mask: NDArray[np.bool_]) -> float:
    """Share of an attribution that lies inside a mask; nan for a map of zeros.

    Raises:
        InputError: the mask has another size.
    """
    if mask.shape != attribution.shape:
        height, width = attribution.shape
        raise InputError(
            f"the mask is {' × '.join(map(str, mask.shape))}, the map {height} × {width}; masks "
            "must have the size of their image"
        )
    total = float(attribution.sum())
    return float(attribution[mask].sum()) / total if total > 0 else float("nan")


def _evidence(bundle: Bundle) -> Any:
    outputs, model = bundle.outputs, bundle.model

    def evidence(pixels: torch.Tensor) -> torch.Tensor:
        return outputs.log_probabilities(model(pixels))

    return evidence


def _target(bundle: Bundle, code: str) -> int:
    require_network(bundle)
    if code not in bundle.card.known:
        raise InputError(
            f"{bundle.card.name}: does not know class {code}; it knows "
            f"{' '.join(bundle.card.known)}"
        )
    return bundle.outputs.classes.index(code)


def _pixels(image: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255


def _array(values: torch.Tensor) -> AttributionMap:
    return np.asarray(values.detach().numpy(), dtype=np.float32)
