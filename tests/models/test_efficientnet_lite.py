"""EfficientNet-Lite: sizes as published, features as the reference implementation gives them."""

import pytest
import torch
from torch import nn

from marrowscope.models import count_parameters
from marrowscope.models.architectures import LITE
from marrowscope.models.checkpoint_files import read_checkpoint
from marrowscope.models.efficientnet_lite import STAGES, VARIANTS, EfficientNetLite, SamePadding
from marrowscope.models.imagenet_weights import imagenet_weights
from marrowscope.models.start_weights import transfer_weights
from marrowscope.models.tensor_names import from_efficientnet_names


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    """(2, 3, 250, 250): patches of 10 px, so that maps differ from place to place."""
    patches = torch.rand(2, 3, 25, 25, generator=torch.Generator().manual_seed(3))
    return patches.repeat_interleave(10, 2).repeat_interleave(10, 3)


@pytest.mark.parametrize(("size", "parameters"), [(0, 4_652_008), (1, 5_416_680), (2, 6_092_072)])
def test_parameters_at_the_thousand_classes_of_imagenet(size: int, parameters: int) -> None:
    """Published: 4.7, 5.4 and 6.1 million."""
    assert count_parameters(EfficientNetLite(f"efficientnet-lite{size}", 1000)) == parameters


def test_widths_are_rounded_to_eights_and_first_and_last_stage_keep_their_repeats() -> None:
    wide = VARIANTS["efficientnet-lite2"]
    assert [wide.channels(stage[1]) for stage in STAGES] == [16, 24, 48, 88, 120, 208, 352]
    assert [wide.repeats(stage) for stage in range(7)] == [1, 3, 3, 4, 4, 5, 1]
    plain = VARIANTS["efficientnet-lite0"]
    assert [plain.channels(stage[1]) for stage in STAGES] == [stage[1] for stage in STAGES]


def test_an_odd_row_of_padding_lies_at_the_lower_right() -> None:
    """3×3 of ones, stride 2, on 4×4 ones: only the right and lower windows reach over the edge."""
    layer = SamePadding(1, 1, 3, 2)
    nn.init.ones_(layer.weight)
    even = layer(torch.ones(1, 1, 4, 4))
    assert even.squeeze().tolist() == [[9, 6], [6, 4]]
    odd = layer(torch.ones(1, 1, 5, 5))  # comes out even: one row on each side
    assert odd.squeeze().tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]


@pytest.mark.parametrize("name", LITE)
def test_features_are_those_of_the_reference_with_the_same_weights(
    name: str, images: torch.Tensor
) -> None:
    reference = pytest.importorskip(
        "efficientnet_lite_pytorch", reason="the reference comes with the extra test"
    )
    weights = read_checkpoint(imagenet_weights(name))
    theirs = reference.EfficientNet.from_name(name).eval()
    theirs.load_state_dict(weights)
    ours = EfficientNetLite(name, 1000).eval()
    left = transfer_weights(ours, from_efficientnet_names(weights), imagenet_weights(name))
    assert left == ()
    with torch.inference_mode():
        seen = ours.transform(images)
        assert seen.shape[2:] == (theirs.input_image_size,) * 2
        wanted = theirs.extract_features(seen).mean(dim=(2, 3))
        torch.testing.assert_close(ours.features(images), wanted, atol=1e-5, rtol=0)
        torch.testing.assert_close(ours(images), theirs(seen), atol=1e-4, rtol=0)
    assert (wanted[0] - wanted[1]).abs().max() > 0.1


def test_the_weights_see_bytes_around_127() -> None:
    """Black is −127/128, white is 1."""
    network = EfficientNetLite("efficientnet-lite0", 2)
    grey = torch.tensor([0.0, 127 / 255, 1.0]).view(3, 1, 1, 1).expand(3, 3, 250, 250)
    seen = network.transform(grey)
    wanted = torch.tensor([-127 / 128, 0.0, 1.0]).view(3, 1, 1, 1).expand(3, 3, 224, 224)
    torch.testing.assert_close(seen, wanted, atol=1e-5, rtol=0)


def test_what_follows_from_the_name_is_not_among_the_tensors() -> None:
    assert not [name for name in EfficientNetLite(LITE[0], 2).state_dict() if "transform" in name]


def test_features_are_dropped_in_training_only() -> None:
    network = EfficientNetLite(LITE[0], 2)
    assert network.dropout.p == 0.2
    features = torch.ones(4, 1280)
    assert (network.train().dropout(features) == 0).any()
    assert torch.equal(network.eval().dropout(features), features)
