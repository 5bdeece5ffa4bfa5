"""A reading as the page holds it: what is shown, undone, refused, and changed by someone else."""

from typing import Any

from support.page_modules import PageModules

MODULE = "session/reading_session.js"

# Four cells, of which the model calls the first two A, the third B, the fourth nothing; a server
# that keeps labels as the real one does.
BENCH = """
const labels = new Map();
const events = [];
let others = [];
let refuse = null;
let dead = false;
const answers = ["A", "A", "B", null];
const undoing = new Map();
const states = (changes) => changes.map(([id]) => [id, labels.get(id) || null, labels.get(id) === false]);
const api = { post: async (path, { events: sent }) => {
  if (dead) throw Object.assign(new Error("dead"), { status: 0 });
  await null;
  const results = sent.map((event) => {
    if (refuse) return { id: event.id, status: "refused", reason: refuse };
    events.push(event);
    if (event.kind === "undo") {
      const back = undoing.get(event.of).map(([id, old, now]) => [id, now, old]);
      back.forEach(([id, , old]) => labels.set(id, old));
      undoing.set(event.id, back);
      return { id: event.id, status: "saved", seq: events.length, cells: states(back) };
    }
    const cells = event.cells ?? [];
    const before = cells.map((id) => [id, labels.get(id) ?? null]);
    if (event.kind === "label") cells.forEach((id) => labels.set(id, event.code));
    if (event.kind === "confirm") cells.forEach((id) => labels.set(id, answers[id - 1]));
    if (event.kind === "remove") cells.forEach((id) => labels.set(id, false));
    undoing.set(event.id, before.map(([id, old]) => [id, old, labels.get(id)]));
    if (event.kind !== "add") return { id: event.id, status: "saved", seq: events.length, cells: states(before) };
    const cell = 100 + events.length;
    labels.set(cell, event.code);
    undoing.set(event.id, [[cell, false, event.code]]);
    return { id: event.id, status: "saved", seq: events.length, cell, cells: states([[cell]]) };
  });
  return { seq: events.length, results, others };
} };
const store = () => { const kept = new Map(); return { kept, get length() { return kept.size; },
  key: (at) => [...kept.keys()][at], getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) }; };
const stores = { local: store(), session: store() };
let number = 0;
const answer = () => ({ smear: 1, reading: 1, seq: 0, count: 4, codes: ["A", "B", "?"], blinded: false, sheets: [],
  columns: { id: [1, 2, 3, 4], label: [-1, -1, -1, -1], removed: [0, 0, 0, 0], predicted: [0, 0, 1, -1],
             confidence: [0.9, 0.6, 0.7, null], uncertainty: [0.1, 0.7, 0.4, null], size: [50, 90, 70, null] } });
const open = (reading = {}) => new module.ReadingSession({ api, smear: { id: 1, created: 1 },
  reading: { id: 1, started: 2, mine: true, submitted: null, ...reading }, user: { id: 1 }, stores,
  ids: () => `id-${++number}`, answer: answer() });
const shown = (session) => [0, 1, 2, 3].map((row) => { const state = session.table.shown(row);
  return state >= 0 ? session.table.codes[state] : state === -2 ? "none" : "open"; }).join(" ");
const saved = (session) => session.queue.flush();
"""


def play(modules: PageModules, script: str) -> Any:
    return modules.run(MODULE, BENCH + script)


def test_a_label_is_seen_at_once_and_sent_with_its_cells(modules: PageModules) -> None:
    found = play(
        modules,
        """const session = open();
        session.label([1, 3], "B");
        const before = [shown(session), session.table.changed(0), session.table.changed(2), session.queue.state];
        await saved(session);
        return { before, after: shown(session), state: session.queue.state, events };""",
    )
    assert found["before"] == ["B A B open", True, False, "saving"]
    assert (found["after"], found["state"]) == ("B A B open", "saved")
    assert [(one["kind"], one["cells"], one["code"]) for one in found["events"]] == [
        ("label", [1, 3], "B")
    ]


def test_confirming_takes_over_what_the_model_said_and_leaves_out_what_it_did_not(
    modules: PageModules,
) -> None:
    found = play(
        modules,
        """const session = open();
        session.confirm([1, 2, 3, 4], true);
        await saved(session);
        return { shown: shown(session), decided: [0, 1, 2, 3].map((row) => session.table.decided(row)), events };""",
    )
    assert found["shown"] == "A A B open"
    assert found["decided"] == [True, True, True, False]
    assert found["events"][0]["cells"] == [1, 2, 3]
    assert found["events"][0]["force"] is True


def test_undo_and_redo_go_back_and_forth_without_end(modules: PageModules) -> None:
    found = play(
        modules,
        """const session = open();
        const seen = [];
        const look = () => seen.push(shown(session));
        session.label([1], "B"); look();
        session.remove([1, 2]); look();
        session.undo(); look();
        session.undo(); look();
        session.undo(); look();  // nothing is left
        session.redo(); look();
        session.redo(); look();
        session.undo(); look();
        await saved(session);
        return { seen, sent: events.map((one) => [one.kind, one.of]), ids: events.map((one) => one.id) };""",
    )
    assert found["seen"] == [
        "B A B open",
        "none none B open",
        "B A B open",
        "A A B open",
        "A A B open",
        "B A B open",
        "none none B open",
        "B A B open",
    ]
    kinds = [kind for kind, _ in found["sent"]]
    assert kinds == ["label", "remove", "undo", "undo", "undo", "undo", "undo"]
    # Each undo names the event that it takes back; a redo is the undo of the undo.
    ids = found["ids"]
    assert [of for _, of in found["sent"]][2:] == [ids[1], ids[0], ids[3], ids[2], ids[5]]


def test_after_a_reload_what_was_not_sent_is_shown_sent_and_can_be_undone(
    modules: PageModules,
) -> None:
    found = play(
        modules,
        """dead = true;
        const first = open();
        first.label([1], "B");
        first.remove([3]);
        await first.leave();
        first.queue.stop?.();
        const again = open();
        const seen = [shown(again), again.queue.waiting];
        again.undo();
        dead = false;
        await saved(again);
        return { seen, now: shown(again), kinds: events.map((one) => one.kind), kept: stores.local.length };""",
    )
    assert found["seen"] == ["B A none open", 2]
    assert found["now"] == "B A B open"
    assert found["kinds"] == ["label", "remove", "undo"]
    assert found["kept"] == 0


def test_unsent_actions_never_reach_another_reading(modules: PageModules) -> None:
    # The next database on this port numbers its readings from 1, too; it began at another time.
    found = play(
        modules,
        """dead = true;
        const first = open();
        first.label([1], "B");
        await first.leave();
        first.queue.stop?.();
        const other = open({ started: 3 });
        return [other.queue.waiting, shown(other)];""",
    )
    assert found == [0, "A A B open"]


def test_what_the_server_refuses_is_taken_back_and_said(modules: PageModules) -> None:
    found = play(
        modules,
        """const session = open();
        refuse = "blasts are confirmed one by one";
        session.label([2], "B");
        await saved(session);
        return { shown: shown(session), notices: session.notices.map((one) => one.text), undo: session.history.done.length };""",
    )
    assert found["shown"] == "A A B open"
    assert found["notices"] == ["Not saved: blasts are confirmed one by one."]
    assert found["undo"] == 0


def test_a_change_by_someone_else_is_shown_but_not_over_an_unsent_one(modules: PageModules) -> None:
    found = play(
        modules,
        """const session = open();
        session.label([3], "A");
        const sending = saved(session);
        session.label([2], "?");  // while the first is on its way
        others = [[1, "B", false, 9, 2], [2, "B", false, 9, 2]];
        await sending;
        const now = shown(session);
        others = [];
        await saved(session);
        return { now, later: shown(session), notices: session.notices.map((one) => one.text) };""",
    )
    assert found["now"] == "B ? A open"
    assert found["later"] == "B ? A open"
    assert found["notices"] == ["1 cell was changed elsewhere."]


def test_a_counted_cell_counts_before_the_server_has_named_it(modules: PageModules) -> None:
    found = play(
        modules,
        """const session = open();
        const count = () => session.tally().classes.get("B") ?? 0;
        const seen = [count()];
        session.add("B"); seen.push(count());
        session.add("B"); seen.push(count());
        session.undo(); seen.push(count());
        await saved(session); seen.push(count());
        session.undo(); seen.push(count());
        session.redo(); seen.push(count());
        await saved(session);
        return { seen, cells: session.table.count, pending: session.adds.size, kinds: events.map((one) => one.kind) };""",
    )
    assert found["seen"] == [1, 2, 3, 2, 2, 1, 2]
    assert (found["cells"], found["pending"]) == (6, 0)  # nothing is ever taken out of the table
    assert found["kinds"] == ["add", "add", "undo", "undo", "undo"]


def test_a_submitted_reading_cannot_be_changed(modules: PageModules) -> None:
    found = play(
        modules,
        """const session = open({ submitted: 5 });
        session.label([1], "B");
        session.undo();
        return [shown(session), session.queue.waiting, session.notices.length];""",
    )
    assert found == ["A A B open", 0, 1]


def test_the_same_label_twice_is_one_event(modules: PageModules) -> None:
    found = play(
        modules,
        """const session = open();
        session.label([1], "B");
        session.label([1], "B");
        return session.queue.waiting;""",
    )
    assert found == 1
