"""The feature baseline: selection, machine, bundle."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from marrowscope.errors import InputError
from marrowscope.features.feature_catalogue import names
from marrowscope.inference.engine_choice import choose_engine
from marrowscope.models.architectures import FEATURES
from marrowscope.models.bundle import WEIGHTS, load_bundle
from marrowscope.models.bundle_writer import save_bundle
from marrowscope.models.card import Card
from marrowscope.models.features_svm import FeatureSvm, build, couple, from_tensors
from marrowscope.models.svm_training import fit_svm
from marrowscope.phantom.synthetic_cell import draw_cell
from support.made_up_features import made_up

OUTPUTS = ("A", "B", "B", "C", "D")
KNOWN = ("A", "B", "C")


def model() -> tuple[FeatureSvm, np.ndarray, np.ndarray]:
    values, labels = made_up()
    fitted, _ = fit_svm(values, labels, counts=(10,))
    return build(fitted, OUTPUTS, KNOWN), values, labels


def test_pairs_that_agree_are_coupled_to_the_probabilities_that_they_come_from() -> None:
    truth = np.array([0.5, 0.3, 0.15, 0.05])
    first, second = np.triu_indices(4, 1)
    pairs = truth[first] / (truth[first] + truth[second])
    found = couple(torch.from_numpy(pairs[None]))[0]
    np.testing.assert_allclose(found.numpy(), truth, atol=1e-9)


def test_two_classes_keep_their_pair_probability() -> None:
    found = couple(torch.tensor([[0.8], [0.1]], dtype=torch.float64))
    np.testing.assert_allclose(found.numpy(), [[0.8, 0.2], [0.1, 0.9]], atol=1e-9)


def test_the_module_finds_the_classes_and_splits_them_among_their_outputs() -> None:
    module, values, labels = model()
    logits = module.from_values(values)
    from marrowscope.models.outputs import OutputMap

    chances = OutputMap(OUTPUTS, frozenset(KNOWN)).log_probabilities(logits).exp().numpy()
    assert (chances[:, :3].argmax(axis=1) == labels).mean() > 0.95
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-5)
    assert (chances[:, 3] == 0).all()
    np.testing.assert_array_equal(logits[:, 1].numpy(), logits[:, 2].numpy())


def test_missing_features_are_imputed_by_the_median_and_counted() -> None:
    values, labels = made_up()
    values[::4, 0] = np.nan
    fitted, search = fit_svm(values, labels, counts=(10,))
    place = list(fitted.selected).index(0) if 0 in fitted.selected else None
    assert place is None or search.imputed == 15
    module = build(fitted, OUTPUTS, KNOWN)
    blank = np.full((2, len(names())), np.nan, np.float32)
    logits = module.from_values(blank)
    assert module.imputed == 2 * len(fitted.selected)
    assert torch.isfinite(logits).all()
    filled = blank.copy()
    filled[:, fitted.selected] = fitted.median
    torch.testing.assert_close(module.from_values(filled), logits)


def saved(folder: Path) -> tuple[FeatureSvm, np.ndarray]:
    module, values, _ = model()
    save_bundle(module, Card("baseline", FEATURES, OUTPUTS, KNOWN), folder)
    return module, values


def test_a_bundle_gives_back_the_very_same_model(tmp_path: Path) -> None:
    module, values = saved(tmp_path / "bundle")
    loaded = load_bundle(tmp_path / "bundle").model
    assert isinstance(loaded, FeatureSvm)
    assert loaded.selected == module.selected
    assert torch.equal(loaded.from_values(values), module.from_values(values))


def test_a_bundle_predicts_images_through_the_engine(tmp_path: Path) -> None:
    saved(tmp_path / "bundle")
    engine, remark = choose_engine(load_bundle(tmp_path / "bundle"))
    image = draw_cell("BLA", 1).image
    chances = engine.probabilities(np.stack([image, image]))
    assert remark is None
    assert chances.shape == (2, 4)
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(chances[0], chances[1])


@pytest.mark.parametrize("engine", ["openvino", "int8"])
def test_engines_of_networks_are_refused(tmp_path: Path, engine: str) -> None:
    saved(tmp_path / "bundle")
    with pytest.raises(InputError, match="on the CPU"):
        choose_engine(load_bundle(tmp_path / "bundle"), engine)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.pop("vectors"), "vectors is missing"),
        (lambda t: t.update(more=torch.zeros(1)), "unexpected tensor more"),
        (lambda t: t.update(mean=torch.zeros(3).double()), "does not fit"),
        (lambda t: t["offsets"].fill_(torch.nan), "not finite"),
        (lambda t: t["version"].fill_(99), "version 99"),
        (lambda t: t["names"].fill_(65), "names must list"),
        (lambda t: t["scale"].zero_(), "must be positive"),
        (lambda t: t["class_of_output"].fill_(7), "class_of_output"),
    ],
)
def test_damaged_tensors_are_refused_in_one_line(tmp_path: Path, change, words: str) -> None:  # type: ignore[no-untyped-def]
    saved(tmp_path / "bundle")
    tensors = load_file(tmp_path / "bundle" / WEIGHTS)
    change(tensors)
    save_file(tensors, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=words) as caught:
        from_tensors(load_file(tmp_path / "other.safetensors"), len(OUTPUTS), len(KNOWN), "file")
    assert "\n" not in str(caught.value)
