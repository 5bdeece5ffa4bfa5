"""What is said of a cluster is understood, or refused in one line."""

from pathlib import Path

import pytest

from marrowscope.cluster import cluster_choice
from marrowscope.cluster.cluster_choice import ClusterChoice, LocalWorkers, parse_cluster
from marrowscope.errors import InputError

GIGABYTE = 10**9


def test_places_and_promises_are_read(tmp_path: Path) -> None:
    assert parse_cluster("local", ["threads=2", "memory=1.5 GiB", "GPU=0.5"]) == ClusterChoice(
        "local", 2, 3 * GIGABYTE // 2, {"GPU": 0.5}
    )
    file = tmp_path / "scheduler.json"
    file.write_text("{}")
    for where in ("local:3", "tcp://10.0.0.1:8786", "node7:8786", "tls://[::1]:8786", str(file)):
        assert parse_cluster(where) == ClusterChoice(where)
    assert [parse_cluster(one).local for one in ("local:3", "localhost:8786")] == [True, False]


@pytest.mark.parametrize(
    ("where", "per_task", "words"),
    [
        ("local:0", [], "expected local, or local:N"),
        ("local:many", [], "expected local, or local:N"),
        ("cluster7", [], "neither local, nor an address such as tcp://host:8786"),
        ("missing.json", [], "does this machine see the file"),
        ("local", ["threads"], "expected threads=N, memory=8GB or NAME=NUMBER"),
        ("local", ["threads=0"], "1 or more"),
        ("local", ["memory=much"], "such as memory=8GB"),
        ("local", ["GPU=-1"], "expected a number above 0"),
        ("local", ["GPU=nan"], "expected a number above 0"),
    ],
)
def test_what_makes_no_sense_is_one_line(where: str, per_task: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_cluster(where, per_task)


@pytest.mark.parametrize(
    ("where", "per_task", "tasks", "expected"),
    [
        ("local", [], 40, LocalWorkers(8, 1, 3_375_000_000)),
        ("local", [], 2, LocalWorkers(2, 4, 13_500_000_000)),
        ("local", ["threads=4"], 40, LocalWorkers(2, 4, 13_500_000_000)),
        ("local", ["memory=10GB"], 40, LocalWorkers(2, 4, 10 * GIGABYTE)),
        ("local:3", [], 40, LocalWorkers(3, 2, 9 * GIGABYTE)),
    ],
)
def test_this_machine_is_shared_evenly(
    where: str, per_task: list[str], tasks: int, expected: LocalWorkers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(cluster_choice, "available_cores", lambda: 8)
    monkeypatch.setattr(cluster_choice, "_total_memory", lambda: 30 * GIGABYTE)
    assert cluster_choice.local_workers(parse_cluster(where, per_task), tasks) == expected
    for wrong, words in (("threads=9", "has 8 cores"), ("memory=40GB", "has 30 GB")):
        with pytest.raises(InputError, match=words):
            cluster_choice.local_workers(parse_cluster("local", [wrong]), tasks)
