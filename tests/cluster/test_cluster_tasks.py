"""Every item has one result, whatever becomes of workers."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from distributed import Client

from marrowscope.cluster.cluster_tasks import run_tasks, take_threads
from support.clusters import mistaken, square, square_or_die


@pytest.fixture
def client(cluster_address: str) -> Iterator[Client]:
    with Client(cluster_address) as client:
        yield client


def test_results_come_with_the_place_of_their_item(client: Client) -> None:
    found = {one.place: one.value for one in run_tasks(client, square, [(n,) for n in range(9)])}
    assert found == {n: n * n for n in range(9)}
    assert list(run_tasks(client, square, [])) == []


def test_no_more_tasks_are_handed_over_than_workers_can_begin(client: Client) -> None:
    most = 0
    for _ in run_tasks(client, square, [(n,) for n in range(20)], {"seat": 1}):
        most = max(most, len(client.futures))
    assert most <= 2


def test_a_task_that_kills_its_worker_is_named_and_the_others_are_done(client: Client) -> None:
    found: dict[int, Any] = {
        one.place: one for one in run_tasks(client, square_or_die, [(n, 3) for n in range(6)])
    }
    assert {n: one.value for n, one in found.items()} == {0: 0, 1: 1, 2: 4, 3: None, 4: 16, 5: 25}
    assert [one.deaths for one in found.values() if one.value is None] == [3]


def test_a_mistake_is_a_result_too(client: Client) -> None:
    (result,) = run_tasks(client, mistaken, [(1,)])
    assert (result.value, result.deaths) == (None, 0)
    assert result.reason == "IndexError: 1 is too much"


def test_a_task_takes_the_threads_that_were_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr("sys.modules", {})  # torch's number is that of the whole test run
    assert take_threads(None) == 3
    assert take_threads(2) == 2
    assert os.environ["OMP_NUM_THREADS"] == "2"
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    assert take_threads(None) == 1
