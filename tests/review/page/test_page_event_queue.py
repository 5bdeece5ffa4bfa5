"""Actions wait in the browser until the server has them: each arrives once, in its order."""

from typing import Any

import pytest

from support.page_modules import PageModules

MODULE = "logic/event_queue.js"

# A queue with a clock that is turned by hand, storage that outlives it, and a server that has
# what it committed. `fate(number of the request)`: "lost" before it arrives, "cut" after it was
# committed but before the answer came, a status, or "" for all well.
BENCH = """
const storage = new Map();
const keep = { load: () => [...storage.values()], add: (event) => storage.set(event.id, event),
               remove: (ids) => ids.forEach((id) => storage.delete(id)) };
const tasks = [];
const timer = { later: (task, ms) => { const one = { task, ms }; tasks.push(one);
                return () => { const at = tasks.indexOf(one); if (at >= 0) tasks.splice(at, 1); }; } };
const committed = [];
const sizes = [];
let requests = 0;
let fate = () => "";
const fail = (status) => { throw Object.assign(new Error(`status ${status}`), { status }); };
const send = async (events) => {
  const luck = fate(requests++);
  if (luck === "lost") fail(0);
  if (typeof luck === "number") fail(luck);
  sizes.push(events.length);
  const results = events.map((event) => {
    const known = committed.some((one) => one.id === event.id);
    if (!known) committed.push(event);
    return { id: event.id, status: known ? "repeated" : "saved", cells: [] };
  });
  if (luck === "cut") fail(0);
  return { seq: committed.length, results };
};
const answers = [];
const open = () => new module.EventQueue({ send, keep, timer,
  on: { changed: () => {}, answered: (answer) => answers.push(...answer.results) } });
const turn = async (most = 200) => {
  while (tasks.length && most-- > 0) await tasks.shift().task();
};
const event = (number) => ({ id: `event-${number}`, kind: "label", cells: [number], code: "X",
                             changes: [[number, null, "X"]] });
"""


def play(modules: PageModules, script: str, **given: Any) -> Any:
    return modules.run(MODULE, BENCH + script, **given)


def test_actions_of_a_moment_go_in_one_request(modules: PageModules) -> None:
    found = play(
        modules,
        """const queue = open();
        for (let number = 1; number <= 3; number += 1) queue.push(event(number));
        const waited = tasks.map((one) => one.ms);
        const before = queue.state;
        await turn();
        return { waited, before, after: queue.state, sizes, kept: storage.size, committed };""",
    )
    assert len(found["waited"]) == 1
    assert 0 < found["waited"][0] <= 250
    assert (found["before"], found["after"]) == ("saving", "saved")
    assert found["sizes"] == [3]
    assert found["kept"] == 0
    # What only the page needs is not sent.
    assert found["committed"][0] == {"id": "event-1", "kind": "label", "cells": [1], "code": "X"}


@pytest.mark.parametrize("seed", range(5))
def test_whatever_the_network_does_all_arrives_once_and_in_order(
    modules: PageModules, seed: int
) -> None:
    found = play(
        modules,
        """let state = seed + 1;
        const random = () => { state = (state * 48271) % 2147483647; return state / 2147483647; };
        fate = () => { const luck = random(); return luck < 0.3 ? "lost" : luck < 0.5 ? "cut" : luck < 0.6 ? 503 : ""; };
        let queue = open();
        for (let number = 1; number <= 60; number += 1) {
          queue.push(event(number));
          if (random() < 0.4) await turn(1);
          // The page is loaded again: what was not answered comes from the browser's storage.
          if (random() < 0.1) { tasks.length = 0; queue = open(); }
        }
        await turn(2000);
        return { order: committed.map((one) => one.cells[0]), state: queue.state, kept: storage.size };""",
        seed=seed,
    )
    assert found["order"] == list(range(1, 61))
    assert found["state"] == "saved"
    assert found["kept"] == 0


def test_a_dead_network_is_said_and_tried_again_ever_more_slowly(modules: PageModules) -> None:
    found = play(
        modules,
        """fate = () => "lost";
        const queue = open();
        queue.push(event(1));
        const waits = [];
        for (let number = 0; number < 7; number += 1) { waits.push(tasks[0].ms); await turn(1); }
        const offline = queue.state;
        fate = () => "";
        await turn();
        return { waits, offline, state: queue.state, committed: committed.length };""",
    )
    assert found["waits"][1:] == [500, 1000, 2000, 4000, 5000, 5000]
    assert found["offline"] == "offline"
    assert (found["state"], found["committed"]) == ("saved", 1)


@pytest.mark.parametrize("status", [401, 403, 409, 422])
def test_a_refusal_is_not_repeated_and_loses_nothing(modules: PageModules, status: int) -> None:
    found = play(
        modules,
        """fate = () => status;
        const queue = open();
        queue.push(event(1));
        await turn();
        queue.push(event(2));
        await turn();
        const stopped = { state: queue.state, requests, kept: storage.size, tasks: tasks.length };
        fate = () => "";
        await queue.flush();  // signed in again
        await turn();
        return { ...stopped, after: queue.state, committed: committed.length };""",
        status=status,
    )
    assert found["state"] == "stopped"
    assert found["requests"] == 1
    assert found["kept"] == 2
    assert found["tasks"] == 0
    assert (found["after"], found["committed"]) == ("saved", 2)


def test_what_a_person_discards_is_gone_from_the_browser_too(modules: PageModules) -> None:
    found = play(
        modules,
        """fate = () => 409;
        const queue = open();
        queue.push(event(1));
        await turn();
        queue.discard();
        return { state: queue.state, kept: storage.size, waiting: queue.waiting };""",
    )
    assert found == {"state": "saved", "kept": 0, "waiting": 0}


def test_a_request_holds_no_more_cells_than_the_server_takes(modules: PageModules) -> None:
    sizes = modules.run(
        MODULE,
        """const events = [15000, 4000, 2000, 20000].map((count, at) => ({ id: `${at}`, cells: new Array(count).fill(1) }));
        return [0, 1, 2, 3].map((from) => module.nextBatch(events.slice(from)).length);""",
    )
    assert sizes == [2, 2, 1, 1]
