"""A recipe file is checked before anything is trained with it."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from marrowscope.augment import AugmentationSettings
from marrowscope.errors import InputError
from marrowscope.training.recipe import SHIPPED, Recipe, from_dict, load_recipe


def test_the_paper_recipe_is_the_published_one() -> None:
    paper = load_recipe("paper")
    assert (paper.epochs, paper.target_per_class) == (13, 25_000)
    assert paper.augmentation == AugmentationSettings()
    assert (paper.label_smoothing, paper.mixup, paper.average, paper.views) == (0, 0, 0, 1)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_recipe_carries_its_name_and_survives_the_way_through_a_card(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.name == name
    assert from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_recipe_leaves_no_value_unsaid(name: str) -> None:
    from marrowscope.training import recipe as module

    content = yaml.safe_load(
        (Path(module.__file__).parent / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")
    )
    assert set(content) == set(asdict(Recipe()))
    assert set(content["augmentation"]) == set(asdict(AugmentationSettings()))


def test_a_file_of_ones_own_needs_only_what_differs(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nepochs: 3\naugmentation: {zoom: 0.1}\n")
    recipe = load_recipe(str(path))
    assert (recipe.name, recipe.epochs, recipe.augmentation.zoom) == ("mine", 3, 0.1)
    assert recipe.augmentation.shift == AugmentationSettings().shift


def test_overrides_reach_inside_and_read_numbers_as_people_write_them() -> None:
    recipe = load_recipe(
        "default", ["augmentation.shift=0.1", "learning_rate=1e-3", "target_per_class=null"]
    )
    assert recipe.augmentation.shift == 0.1
    assert recipe.learning_rate == 1e-3
    assert recipe.target_per_class is None


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epochs", "key=value"),
        ("epochs=many", "expected int"),
        ("epochs=0", "expected 1 to"),
        ("epochs=true", "expected int"),
        ("epochs=2.5", "expected int"),
        ("learning_rate=fast", "expected float"),
        ("optimizer=sgd", "adam or adamw"),
        ("views=4", "1 or 8"),
        ("schedule.peak=3", "schedule"),
        ("speed=11", "unknown key 'speed'"),
        ("augmentation.tilt=1", "unknown key 'tilt'"),
        ("augmentation.shift=2", "shift is 2"),
        ("target_per_class=0", "target_per_class"),
        ("learning_rate=.nan", "learning_rate"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_it(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        load_recipe("default", [override])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["- 1\n", "epochs: [", "epochs: {a: 1}\n", "\x00"])
def test_a_file_that_is_no_recipe_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"broken\.yaml") as caught:
        load_recipe(str(path))
    assert "\n" not in str(caught.value)


def test_a_name_that_is_nothing_lists_the_shipped_ones() -> None:
    with pytest.raises(InputError, match="default, paper"):
        load_recipe("papre")


def test_a_recipe_without_laboratories_is_written_as_before_there_were_any() -> None:
    content = load_recipe("default").to_dict()
    assert "balance" not in content
    assert "stain_transfer" not in content["augmentation"]
    changed = load_recipe("default", ["balance=laboratory", "augmentation.stain_transfer=0.5"])
    assert from_dict(changed.to_dict()) == changed
    assert changed.to_dict()["balance"] == "laboratory"
