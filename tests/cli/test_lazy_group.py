"""Former names work as before, are in no list, and say their new name on standard error."""

import json
from pathlib import Path

import pytest

from marrowscope.cells import read_cells
from marrowscope.phantom.synthetic_dataset import write_dataset
from support.command_shell import Shell


def test_models_is_model_list(shell: Shell) -> None:
    new = shell("model", "list", "--json")
    old = shell("models", "--json")
    assert new.err == ""
    assert old.out == new.out
    assert old.err == (
        "marrowscope: 'models' is now 'model list'; the old form works until the next release\n"
    )


def test_adapt_may_be_written_without_its_group_and_nothing_is_said(
    shell: Shell, tmp_path: Path
) -> None:
    arguments = ("adapt", tmp_path / "gone", tmp_path / "cells", "-o", tmp_path / "new")
    long, short = shell("model", *arguments, status=1), shell(*arguments, status=1)
    assert short == long
    assert str(tmp_path / "gone") in short.err


@pytest.mark.parametrize("name", ["quantize", "calibrate"])
def test_other_names_lead_to_the_same_refusal(name: str, shell: Shell, tmp_path: Path) -> None:
    arguments = (tmp_path / "gone", tmp_path / "gone.parquet", "-o", tmp_path / "x")
    new = shell("model", name, *arguments, status=1)
    old = shell(name, *arguments, status=1)
    first, _, rest = old.err.partition("\n")
    assert f"'{name}' is now 'model {name}'" in first
    assert rest == new.err


def test_phantom_with_options_draws_what_it_used_to(shell: Shell, tmp_path: Path) -> None:
    small = ("--microns-per-pixel", 0.25, "--json")
    old = shell("phantom", "-o", tmp_path / "a", "--slide", "1200x1100", *small)
    new = shell("phantom", "slide", "-o", tmp_path / "b", "--size", "1200x1100", *small)
    assert "'phantom' is now 'phantom cells', 'phantom fields', 'phantom slide'" in old.err
    tables = [read_cells(Path(json.loads(out)["table"])) for out, _ in (old, new)]
    assert tables[0].drop("path").equals(tables[1].drop("path"))


def test_no_list_shows_them(shell: Shell) -> None:
    out = shell("--help").out
    first_words = {line.strip("│ ").split(" ")[0] for line in out.splitlines() if "│" in line}
    assert {"predict", "model", "phantom"} <= first_words
    assert not {"models", "quantize", "calibrate", "adapt"} & first_words


def test_predict_with_the_model_first_says_how_it_is_written_now(
    shell: Shell, tmp_path: Path
) -> None:
    write_dataset(tmp_path / "set", {"LYT": 1, "EOS": 1}, 0)
    images = tmp_path / "set"
    named = ("--model", "sequential-mll7")
    for name, words, options in (("new", (), named), ("old", ("sequential-mll7",), ())):
        err = shell("predict", *words, images, *options, "-o", tmp_path / f"{name}.parquet").err
        assert err.count("is now 'predict … --model sequential-mll7'") == len(words)
        assert "sequential-mll7 knows 7 of 21 classes" in err
    new, old = (read_cells(tmp_path / f"{name}.parquet") for name in ("new", "old"))
    assert old.equals(new)


def test_a_model_without_images_is_refused(shell: Shell) -> None:
    err = shell("predict", "sequential-mll7", status=1).err
    assert err == (
        "marrowscope: sequential-mll7: is a model; name what to predict, after "
        "--model sequential-mll7\n"
    )


def test_a_folder_named_like_a_shipped_model_is_a_folder_of_images(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_dataset(tmp_path / "sequential-mll7", {"LYT": 1}, 0)
    monkeypatch.chdir(tmp_path)
    err = shell("predict", "sequential-mll7", "-o", "p.csv").err
    assert "is now" not in err
    assert "1 image, 0 unreadable" in err


def test_evaluate_takes_the_former_name_of_the_model(shell: Shell, tmp_path: Path) -> None:
    labelled = tmp_path / "set"
    write_dataset(labelled, {"LYT": 2, "EOS": 2}, 0)
    shell("index", labelled, "-o", tmp_path / "c.parquet")
    shell("predict", tmp_path / "c.parquet", "-o", tmp_path / "p.parquet")
    for option, said in (("--model", 0), ("--bundle", 1)):
        named = ("--bootstrap", 10, option, "sequential-mll7", "-o", tmp_path / option)
        err = shell("evaluate", tmp_path / "p.parquet", *named).err
        assert err.count("'evaluate --bundle' is now 'evaluate --model'") == said
        assert "sequential-mll7" in (tmp_path / option / "report.html").read_text()
