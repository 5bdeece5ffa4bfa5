"""Former names work as before, are in no list, and say their new name on standard error."""

import json
import sys
from pathlib import Path

import pytest

from marrowscope.cells import read_cells
from marrowscope.cli import main


def run(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["marrowscope", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
    printed = capfd.readouterr()
    return int(caught.value.code or 0), printed.out, printed.err


def test_models_is_model_list(capfd: pytest.CaptureFixture[str]) -> None:
    new = run(capfd, "model", "list", "--json")
    old = run(capfd, "models", "--json")
    assert new[2] == ""
    assert old[:2] == new[:2]
    assert old[2] == (
        "marrowscope: 'models' is now 'model list'; the old form works until the next release\n"
    )


@pytest.mark.parametrize("name", ["quantize", "calibrate"])
def test_other_names_lead_to_the_same_refusal(
    name: str, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = (tmp_path / "gone", tmp_path / "gone.parquet", "-o", tmp_path / "x")
    new = run(capfd, "model", name, *arguments)
    old = run(capfd, name, *arguments)
    assert old[0] == new[0] == 1
    first, _, rest = old[2].partition("\n")
    assert f"'{name}' is now 'model {name}'" in first
    assert rest == new[2]


def test_phantom_with_options_draws_what_it_used_to(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    small = ("--microns-per-pixel", 0.25, "--json")
    old = run(capfd, "phantom", "-o", tmp_path / "a", "--slide", "1200x1100", *small)
    new = run(capfd, "phantom", "slide", "-o", tmp_path / "b", "--size", "1200x1100", *small)
    assert old[0] == new[0] == 0
    assert "'phantom' is now 'phantom cells', 'phantom fields', 'phantom slide'" in old[2]
    tables = [read_cells(Path(json.loads(out)["table"])) for _, out, _ in (old, new)]
    assert tables[0].drop("path").equals(tables[1].drop("path"))


def test_no_list_shows_them(capfd: pytest.CaptureFixture[str]) -> None:
    out = run(capfd, "--help")[1]
    first_words = {line.strip("│ ").split(" ")[0] for line in out.splitlines() if "│" in line}
    assert {"predict", "model", "phantom"} <= first_words
    assert not {"models", "quantize", "calibrate"} & first_words
