"""What the machine gives, and what to do where it is too little."""

import io
import os
from collections import namedtuple
from pathlib import Path

import pytest

from marrowscope.doctor import machine_checks
from marrowscope.doctor.health_check import State

Usage = namedtuple("Usage", "total used free")


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def test_cores_are_those_of_the_control_group(tmp_path: Path) -> None:
    write(tmp_path, "sys/fs/cgroup/cpu.max", "50000 100000\n")
    check = machine_checks.cores(tmp_path)
    assert check.facts["usable"] == check.facts["cgroup_quota"] == 0.5
    assert check.sentence.startswith("0.5 usable of ")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "250000 100000"}, 2.5),
        ({"cpu.max": "strange"}, None),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
    ],
)
def test_both_versions_of_control_groups_are_read(
    tmp_path: Path, files: dict[str, str], expected: float | None
) -> None:
    for name, text in files.items():
        write(tmp_path, f"sys/fs/cgroup/{name}", text)
    assert machine_checks.cgroup_cores(tmp_path) == expected


def test_a_machine_that_others_use_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (64.0 * (os.cpu_count() or 1), 0, 0))
    assert "other programs" in machine_checks.cores(tmp_path).sentence
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0, 0))
    assert "other programs" not in machine_checks.cores(tmp_path).sentence


def test_memory_is_what_the_control_group_leaves(tmp_path: Path) -> None:
    write(tmp_path, "proc/meminfo", "MemTotal: 16000000 kB\nMemAvailable: 8000000 kB\n")
    check = machine_checks.memory(tmp_path)
    assert (check.state, check.facts["usable_bytes"]) == (State.OK, 16_384_000_000)
    write(tmp_path, "sys/fs/cgroup/memory.max", "1000000000\n")
    check = machine_checks.memory(tmp_path)
    assert (check.state, check.facts["free_bytes"]) == (State.PROBLEM, 1_000_000_000)
    assert check.sentence == "only 1.0 GB usable, 1.0 GB free"
    assert check.advice


def test_a_folder_that_is_not_there_yet_is_judged_by_its_parent(tmp_path: Path) -> None:
    check = machine_checks.folder("cache folder", tmp_path / "a" / "b")
    assert check.state == State.OK
    assert not (tmp_path / "a").exists()
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_says_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(dir: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(machine_checks.tempfile, "TemporaryFile", refuse)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    check = machine_checks.cache_folder()
    assert check.state == State.PROBLEM
    assert check.sentence == f"{tmp_path}: cannot be written (Permission denied)"
    assert str(check.advice).startswith("export XDG_CACHE_HOME=")


def test_a_full_disk_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_checks.shutil, "disk_usage", lambda _: Usage(9e9, 9e9, 2e8))
    check = machine_checks.folder("temp folder", tmp_path)
    assert (check.state, check.facts["free_bytes"]) == (State.PROBLEM, 2e8)


def test_no_folder_for_temporary_files_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(machine_checks.tempfile, "gettempdir", none)
    assert machine_checks.temp_folder().state == State.PROBLEM


@pytest.mark.parametrize(("encoding", "state"), [("utf-8", "ok"), ("ascii", "problem")])
def test_the_terminal_has_to_show_the_signs_of_messages(encoding: str, state: str) -> None:
    assert machine_checks.terminal(encoding).state == state


def test_the_terminal_is_asked_and_not_what_a_progress_bar_puts_in_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine_checks.sys, "stdout", object())
    monkeypatch.setattr(machine_checks.sys, "__stdout__", io.TextIOWrapper(io.BytesIO(), "utf-8"))
    assert machine_checks.terminal().sentence == "encoding utf-8"
