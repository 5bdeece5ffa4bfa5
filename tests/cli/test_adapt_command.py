"""model adapt hands its arguments on and prints; what it does has tests of its own."""

import json
from pathlib import Path

import polars as pl
import pytest

import marrowscope as ms
from marrowscope.evaluation.evaluate_predictions import evaluate
from support.command_shell import Shell
from support.predictions import predictions


def adapted(folder: Path | None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """``ms.adapt_model`` only takes note of what it was asked."""
    asked: list[tuple[object, ...]] = []
    table = predictions(60)
    scores = evaluate(table, resamples=10)

    def adapt_model(*given: object, **named: object) -> ms.AdaptedModel:
        asked.append((*given, named["name"], named["layers"], named["seed"]))
        return ms.AdaptedModel(
            folder, "mine", ("last layer",), scores, scores, table, ("a remark",)
        )

    monkeypatch.setattr(ms, "adapt_model", adapt_model)
    return asked


def test_scores_before_and_after_are_printed(
    tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = adapted(tmp_path / "new", monkeypatch)
    options = ["-o", tmp_path / "new", "--name", "mine", "--layers", "none", "--seed", 3, "--json"]
    out, said = shell("model", "adapt", "old", tmp_path / "cells", *options)
    assert asked == [("old", tmp_path / "cells", tmp_path / "new", "mine", "none", 3)]
    told = json.loads(out)
    assert (told["bundle"], told["worse"]) == (str(tmp_path / "new"), False)
    score = told["scores"][0]
    assert score["score"] == "macro_f1"
    shown = f"{score['after']:.3f} ({score['after_low']:.3f}–{score['after_high']:.3f})"
    assert said.count(shown) >= 2
    assert "! a remark" in said
    assert f"mine → {tmp_path / 'new'}" in said


def test_a_model_that_got_worse_ends_with_status_1_and_says_that_nothing_was_written(
    tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapted(None, monkeypatch)
    out, said = shell("model", "adapt", "old", tmp_path, "-o", tmp_path / "new", "--json", status=1)
    assert json.loads(out)["bundle"] is None
    assert said.splitlines()[-1] == (
        "marrowscope: adapting made old worse on the cells held out; keep it: nothing was written"
    )


def test_an_error_names_the_option(
    tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def adapt_model(*given: object, **named: object) -> None:
        raise ms.InputError("few labels: take `layers=none`")

    monkeypatch.setattr(ms, "adapt_model", adapt_model)
    said = shell("model", "adapt", "old", tmp_path, "-o", tmp_path / "new", status=1).err
    assert "take --layers none" in said


def test_the_table_of_a_model_without_labels_is_empty() -> None:
    nothing = ms.AdaptedModel(None, "mine", (), None, None, pl.DataFrame(), ())
    assert nothing.table.height == 0
