"""The shell completes commands, groups, options and values, without what computes."""

import os
import subprocess
import sys

import pytest

RUN = (
    "import sys; sys.argv[0] = 'marrowscope'\n"
    "from marrowscope.cli import main\n"
    "try:\n"
    "    main()\n"
    "finally:\n"
    "    heavy = {'numpy', 'polars', 'torch', 'cv2', 'PIL', 'yaml'} & set(sys.modules)\n"
    "    assert not heavy, heavy\n"
)


def completed(words: str) -> set[str]:
    """What bash would be given for a line that ends where the cursor is."""
    place = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    environment = {**os.environ, **place, "_MARROWSCOPE_COMPLETE": "complete_bash"}
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("marrowscope pr", {"predict", "pretrain"}),
        ("marrowscope mod", {"model"}),
        ("marrowscope quan", set()),
        ("marrowscope phantom ", {"cells", "fields", "slide"}),
        ("marrowscope predict --mic", {"--microns-per-pixel"}),
        ("marrowscope model quantize --fo", {"--fold"}),
        ("marrowscope predict --engine op", {"openvino"}),
        ("marrowscope count --device ", {"auto", "cpu", "cuda"}),
    ],
)
def test_what_is_begun_is_completed(words: str, expected: set[str]) -> None:
    assert completed(words) == expected


def test_completion_of_a_former_form_says_nothing() -> None:
    assert completed("marrowscope phantom --fields 3 ") == set()


def test_the_script_for_bash_is_shown_and_calls_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN, "--show-completion", "bash"],
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "_MARROWSCOPE_COMPLETE=complete_bash" in done.stdout
    assert done.stdout.rstrip().endswith("marrowscope")
