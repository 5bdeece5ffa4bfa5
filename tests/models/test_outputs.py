"""Outputs to classes: the summing rule and the mask."""

import math

import numpy as np
import pytest
import torch

from marrowscope import morphology
from marrowscope.errors import InputError
from marrowscope.models.outputs import OutputMap


def test_two_outputs_of_one_class_are_summed_after_soft_max() -> None:
    # exp: 1, 2, 3, 4 of 10 → a has .1 + .3, b .2, c .4
    logits = torch.tensor([[0.0, math.log(2), math.log(3), math.log(4)]])
    mapping = OutputMap(("a", "b", "a", "c"), frozenset("abc"))
    assert mapping.classes == ("a", "b", "c")
    found = mapping.log_probabilities(logits).exp()
    np.testing.assert_allclose(found[0], [0.4, 0.2, 0.4], atol=1e-6)


def test_an_unknown_class_gets_exactly_zero_and_the_rest_sums_to_one() -> None:
    mapping = OutputMap(("a", "b", "c"), frozenset("ac"))
    found = mapping.log_probabilities(torch.tensor([[1.0, 9.0, 1.0]])).exp()
    np.testing.assert_allclose(found[0], [0.5, 0.0, 0.5], atol=1e-7)
    assert found[0, 1] == 0


def test_22_outputs_become_21_classes_that_sum_to_one() -> None:
    mapping = OutputMap(morphology.OUTPUTS_22, frozenset(morphology.CODES))
    assert len(mapping.outputs) == 22
    assert mapping.classes == morphology.CODES
    random = torch.Generator().manual_seed(0)
    found = mapping.log_probabilities(torch.randn(50, 22, generator=random)).exp()
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("known", [("a", "b", "c"), ("a", "c"), ("b", "c")])
def test_gradients_stay_finite_with_masked_outputs(known: tuple[str, ...]) -> None:
    logits = torch.randn(4, 4, requires_grad=True)
    mapping = OutputMap(("a", "b", "b", "c"), frozenset(known))
    chosen = [mapping.classes.index(code) for code in known]
    mapping.log_probabilities(logits)[:, chosen].sum().backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_a_known_class_needs_an_output() -> None:
    with pytest.raises(InputError, match="zzz"):
        OutputMap(("a", "b"), frozenset({"a", "zzz"}))


def test_a_prediction_before_training_does_not_spoil_the_gradient() -> None:
    outputs = OutputMap(("A", "B", "B", "C"), frozenset({"A", "B"}))
    with torch.inference_mode():
        outputs.log_probabilities(torch.zeros(1, 4))
    logits = torch.zeros(1, 4, requires_grad=True)
    outputs.log_probabilities(logits)[0, 1].backward()
    assert logits.grad is not None
    assert torch.allclose(logits.grad, torch.tensor([[-1 / 3, 1 / 6, 1 / 6, 0.0]]))
