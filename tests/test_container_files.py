"""Dockerfile and Apptainer definition: linted, and true in what they name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
APPTAINER = (ROOT / "marrowscope.def").read_text("utf-8")
BIN = Path(sys.executable).parent


def lint(program: str, *arguments: str, text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BIN / program, *arguments, "-"], input=text, capture_output=True, text=True, check=False
    )


def section(name: str) -> str:
    """A section of the Apptainer definition."""
    found = re.search(rf"^%{name}\n(.*?)(?=^%|\Z)", APPTAINER, flags=re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


def copied() -> list[str]:
    """What both take from the sources."""
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, flags=re.MULTILINE)
    docker = [name for line in lines for name in line.split()[:-1]]
    return docker + [line.split()[0] for line in section("files").splitlines() if line.strip()]


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    done = lint("hadolint", text=DOCKERFILE)
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_would_find_something() -> None:
    assert "DL3007" in lint("hadolint", text=DOCKERFILE.replace("${PYTHON} AS", "latest AS")).stdout


@pytest.mark.parametrize("name", ["post", "runscript", "test", "environment"])
def test_shellcheck_finds_nothing_in_the_sections_of_the_definition(name: str) -> None:
    done = lint("shellcheck", "--shell=sh", text=section(name))
    assert (done.returncode, done.stdout) == (0, "")


def test_the_script_of_ci_is_linted_too() -> None:
    done = lint("shellcheck", text=(ROOT / ".ci" / "run").read_text())
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (.+)$", DOCKERFILE, flags=re.MULTILINE)
    assert users == ["10001:10001"]
    assert DOCKERFILE.index("USER ") > DOCKERFILE.rindex("\nRUN ")


def test_both_start_from_the_same_python_by_number() -> None:
    docker = re.findall(r"^ARG PYTHON=(\S+)$", DOCKERFILE, flags=re.MULTILINE)
    apptainer = re.findall(r"^From: python:(\S+)$", APPTAINER, flags=re.MULTILINE)
    assert docker == apptainer
    assert re.fullmatch(r"3\.\d+-slim-\w+", docker[0])
    assert "latest" not in DOCKERFILE + APPTAINER


def test_what_they_copy_is_there_and_is_sent_to_the_builder() -> None:
    names = copied()
    assert {"pyproject.toml", "constraints.txt", "src"} <= set(names)
    sent = (ROOT / ".dockerignore").read_text().splitlines()
    for name in names:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in sent


@pytest.mark.parametrize("text", [DOCKERFILE, APPTAINER], ids=["docker", "apptainer"])
def test_both_install_a_wheel_with_the_versions_that_are_tested(text: str) -> None:
    assert "pip wheel" in text
    assert "--constraint constraints.txt" in text
    assert "Research use only" in text
    assert "Apache-2.0" in text


def test_both_pass_their_arguments_to_marrowscope() -> None:
    assert 'ENTRYPOINT ["marrowscope"]' in DOCKERFILE
    assert section("runscript").strip() == 'exec marrowscope "$@"'
    assert "HEALTHCHECK" not in DOCKERFILE  # it is a command, no service
