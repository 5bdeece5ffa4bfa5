"""reproduce hands its options on and says what failed; the study has tests of its own."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

import marrowscope as ms
from support.command_shell import Shell


def test_options_are_arguments_and_what_failed_is_said(
    tmp_path: Path, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}
    section = SimpleNamespace(title="Figure 4", missing=["too few cells"], to_dict=dict)
    part = SimpleNamespace(name="explain", seconds=1.26, failed=True, section=section)

    def reproduce_study(data: Path, output: Path, **named: object) -> ms.ReproducedStudy:
        asked.update(named, data=data, output=output)
        return ms.ReproducedStudy(output / "report.html", (part,))  # type: ignore[arg-type]

    monkeypatch.setattr(ms, "reproduce_study", reproduce_study)
    options = ["--models", "features", "--folds", 3, "--no-robustness", "--set", "epochs=1"]
    out, said = shell("reproduce", tmp_path, "-o", tmp_path / "study", *options, "--json")
    wanted = {"models": "features", "folds": 3, "robustness": False, "changes": ["epochs=1"]}
    assert {name: asked[name] for name in wanted} == wanted
    assert (asked["data"], asked["output"]) == (tmp_path, tmp_path / "study")
    assert json.loads(out)["parts"] == [{"name": "explain", "seconds": 1.3, "failed": True}]
    assert "! Figure 4: too few cells" in said
    assert f"→ {tmp_path / 'study' / 'report.html'}" in said


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--models", ","], "--models ',': name at least one model"),
        (["--models", "nothing"], "--models nothing: choose one of sequential, resnext50"),
        (["--external", "x"], "--external and --mapping go together"),
    ],
)
def test_what_cannot_be_is_one_line(
    options: list[str], fault: str, tmp_path: Path, shell: Shell
) -> None:
    said = shell("reproduce", tmp_path, "-o", tmp_path / "study", *options, status=1).err
    assert said.startswith(f"marrowscope: {fault}")
    assert len(said.splitlines()) == 1
    assert not list(tmp_path.iterdir())
