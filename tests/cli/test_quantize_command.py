"""model quantize hands its arguments on and prints; what it does has tests of its own."""

import json
from pathlib import Path

import pytest

import marrowscope as ms
from support.command_shell import Shell

FACTS = {
    "agreement": 0.9953,
    "checked_images": 214,
    "macro_f1_fp32": 0.8123,
    "macro_f1_int8": 0.8101,
}


def test_agreement_and_scores_are_printed(
    tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def quantize_model(*given: object, **named: object) -> ms.QuantizedModel:
        asked.append((*given, named["fold"]))
        return ms.QuantizedModel(tmp_path / "int8", FACTS)

    monkeypatch.setattr(ms, "quantize_model", quantize_model)
    table, folder = tmp_path / "split.parquet", tmp_path / "int8"
    options = ["-o", folder, "--fold", 2, "--json"]
    out, said = shell("model", "quantize", tmp_path / "bundle", table, *options)
    assert asked == [(tmp_path / "bundle", table, folder, 2)]
    assert json.loads(out) == {"bundle": str(folder), **FACTS}
    assert "agrees with float32 in 99.53% of 214 held-out images" in said
    assert "macro-F1 0.812 → 0.810" in said
