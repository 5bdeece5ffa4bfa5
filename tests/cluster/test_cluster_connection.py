"""Whoever answers is fit for the work, or one line says why not."""

import copy
import json
import socket
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from marrowscope import extras
from marrowscope.api.arguments import cluster_choice
from marrowscope.cluster import cluster_connection
from marrowscope.cluster.cluster_choice import ClusterChoice, parse_cluster
from marrowscope.cluster.cluster_connection import connected, require_same_versions
from marrowscope.errors import InputError

PACKAGES = {
    "python": "3.11.9.final.0", "dask": "2026.8.0", "distributed": "2026.8.0",
    "marrowscope": "0.1.0", "numpy": "2.4.6", "polars": "2.1.0", "openvino": "2026.4.1",
}  # fmt: skip


def connect(choice: ClusterChoice) -> list[str]:
    told: list[str] = []
    with connected(choice, 2, told.append) as client:
        assert client.status == "running"
    return told


def test_a_scheduler_is_found_by_its_address_and_by_its_file(
    cluster_address: str, tmp_path: Path
) -> None:
    with Client(cluster_address) as client:
        client.wait_for_workers(2, timeout=60)  # another test may have ended one
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps({"address": cluster_address}))
    for where in (cluster_address, str(file)):
        assert connect(parse_cluster(where)) == [f"2 workers at {cluster_address}"]


def test_nobody_there_is_told_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cluster_connection.ANSWER_SECONDS == 10
    monkeypatch.setattr(cluster_connection, "ANSWER_SECONDS", 0.5)
    with socket.socket() as silent:  # takes the connection, and says nothing
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(InputError, match=r"no Dask scheduler answers within 0\.5 s"):
            connect(ClusterChoice(address))
    file = tmp_path / "scheduler.json"
    file.write_text(json.dumps({"address": address}))
    with pytest.raises(InputError, match=r"\(from .*scheduler\.json\): no Dask scheduler answers"):
        connect(ClusterChoice(str(file)))
    for content in ("[]", "{", "{}"):
        file.write_text(content)
        with pytest.raises(InputError, match="is not the file of a Dask scheduler"):
            connect(ClusterChoice(str(file)))


@pytest.mark.parametrize(
    ("who", "name", "version", "words"),
    [
        ("scheduler", "dask", "2025.1.0", "the scheduler has dask 2025.1.0, this process 2026.8.0"),
        (
            "worker",
            "python",
            "3.12.1.final.0",
            "has python 3.12.1, this process 3.11.9",
        ),
        ("worker", "marrowscope", None, "worker tcp://a:1 has marrowscope not installed"),
        ("worker", "polars", "1.0", "has polars 1.0, this process 2.1.0"),
    ],
)
def test_other_versions_are_refused(who: str, name: str, version: str | None, words: str) -> None:
    one: dict[str, Any] = {"packages": PACKAGES}
    versions = {"client": one, "scheduler": copy.deepcopy(one)}
    versions["workers"] = {"tcp://a:1": copy.deepcopy(one)}
    require_same_versions(versions)
    place = versions["scheduler"] if who == "scheduler" else versions["workers"]["tcp://a:1"]
    place["packages"][name] = version
    with pytest.raises(InputError, match=words):
        require_same_versions(versions)


def test_what_no_worker_offers_is_told_before_tasks_wait_for_it(cluster_address: str) -> None:
    with Client(cluster_address) as client:
        client.wait_for_workers(1, timeout=60)
    connect(parse_cluster(cluster_address, ["seat=1"]))
    with pytest.raises(InputError, match="no worker offers this resource; start workers of Dask"):
        connect(parse_cluster(cluster_address, ["GPU=1"]))


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"distributed: pip install 'marrowscope\[cluster\]'"):
        cluster_choice("local")
    assert cluster_choice(None) is None
    with pytest.raises(InputError, match="name a `cluster`, too"):
        cluster_choice(None, ["GPU=1"])
