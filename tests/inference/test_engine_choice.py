"""Which engine is chosen."""

import pytest
import torch

from marrowscope.errors import InputError
from marrowscope.inference import engine_choice
from marrowscope.inference.engine_choice import choose_engine
from marrowscope.models import create
from marrowscope.models.bundle import Bundle
from marrowscope.models.card import Card
from marrowscope.morphology import OUTPUTS_22


def bundle(name: str, views: int = 1, known: tuple[str, ...] = OUTPUTS_22) -> Bundle:
    torch.manual_seed(0)
    network = create(name, 22).eval()
    return Bundle(network, Card("x", name, OUTPUTS_22, tuple(dict.fromkeys(known)), views=views))


def test_the_choice_is_openvino_on_a_processor_and_int8_only_when_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = bundle("sequential")
    assert choose_engine(made)[0].name == "openvino cpu fp32"
    assert choose_engine(made, "torch")[0].name == "torch cpu fp32"
    with pytest.raises(InputError, match="no int8 part; 'marrowscope model quantize'"):
        choose_engine(made, "int8")
    with pytest.raises(InputError, match="`engine` fast: expected auto, openvino"):
        choose_engine(made, "fast")
    with pytest.raises(InputError, match="runs on the CPU"):
        choose_engine(made, "openvino", "cuda")
    monkeypatch.setattr(engine_choice, "find_spec", lambda name: None)
    engine, remark = choose_engine(made)
    assert engine.name == "torch cpu fp32"
    assert "not installed" in str(remark)
    with pytest.raises(InputError, match="OpenVINO is not installed"):
        choose_engine(made, "int8")
