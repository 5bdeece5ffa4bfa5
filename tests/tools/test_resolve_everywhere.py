"""The script that resolves core and extras everywhere says what does not resolve."""

import runpy
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "resolve_everywhere.py"
PRETENDED = """#!{python}
import sys
words = sys.argv
if "{refused}" in words and "--extra" in words:
    sys.exit("no wheel for\\n  pyjpegls")
print("numpy==2.0\\npolars==1.0")
"""


def run_with(
    folder: Path, monkeypatch: pytest.MonkeyPatch, refused: str
) -> Callable[[list[str]], int]:
    uv = folder / "uv"
    uv.write_text(PRETENDED.format(python=sys.executable, refused=refused))
    uv.chmod(uv.stat().st_mode | stat.S_IXUSR)
    script = runpy.run_path(str(SCRIPT))
    main = script["main"]
    monkeypatch.setitem(main.__globals__, "find_uv", lambda: str(uv))
    result: Callable[[list[str]], int] = main
    return result


@pytest.mark.skipif(sys.platform == "win32", reason="the pretended uv is a script with a #! line")
def test_what_does_not_resolve_is_named_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main = run_with(tmp_path, monkeypatch, refused="3.14")
    assert main(["--python", "3.13", "3.14", "--platform", "linux"]) == 1
    told = capsys.readouterr()
    assert told.err.splitlines() == ["all, linux, Python 3.14: no wheel for pyjpegls"]
    assert [line.split() for line in told.out.splitlines()[1:]] == [
        ["core", "linux", "2", "2"],
        ["all", "linux", "2", "-"],
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="the pretended uv is a script with a #! line")
def test_where_all_resolves_it_ends_with_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_with(tmp_path, monkeypatch, refused="2.7")([]) == 0


def test_only_wheels_count() -> None:
    words = runpy.run_path(str(SCRIPT))["command"]("all", "windows", "3.14", "uv")
    assert words[words.index("--only-binary") + 1] == ":all:"
    assert words[words.index("--extra") + 1] == "all"
