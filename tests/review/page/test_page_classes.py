"""Which cells a class shows, in which order; which key means which class; addresses, words."""

from typing import Any

import pytest

from support.page_modules import PageModules

# Five cells: sure and unsure A, a B that the reader made of an A, a removed one, an open one.
TABLE = """
const { CellTable } = await import("/logic/cell_table.js");
const table = new CellTable({ codes: ["A", "B"], sheets: [], columns: { id: [11, 12, 13, 14, 15],
  label: [-1, -1, 1, -1, -1], removed: [0, 0, 0, 1, 0], predicted: [0, 0, 0, 0, -1],
  confidence: [0.9, 0.4, 0.5, 0.5, null], uncertainty: [0.1, 0.9, 0.6, 0.6, null],
  size: [40, 90, null, 10, null] } });
const ids = (rows) => rows.map((row) => table.id[row]);
"""


def cells(modules: PageModules, script: str) -> Any:
    return modules.run("logic/cell_order.js", TABLE + script)


def test_a_class_shows_what_is_decided_or_else_suggested(modules: PageModules) -> None:
    found = cells(
        modules,
        """return ["A", "B", module.ALL, module.OPEN, module.NO_CELL].map((view) => ids(module.rowsOf(table, view)));""",
    )
    assert found == [[11, 12], [13], [11, 12, 13, 15], [15], [14]]


def test_filters_leave_what_is_open_or_changed(modules: PageModules) -> None:
    found = cells(
        modules,
        """return ["open", "changed"].map((filter) => ids(module.rowsOf(table, module.ALL, filter)));""",
    )
    assert found == [[11, 12, 15], [13]]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("uncertain", [12, 13, 11, 15]),
        ("certain", [11, 13, 12, 15]),
        ("size", [12, 11, 13, 15]),
        ("small", [11, 12, 13, 15]),
        ("place", [11, 12, 13, 15]),
    ],
)
def test_orders_put_what_has_no_value_last(
    modules: PageModules, by: str, expected: list[int]
) -> None:
    script = f"return ids(module.ordered(table, module.rowsOf(table, module.ALL), '{by}'));"
    assert cells(modules, script) == expected


def test_likeness_overrules_the_order(modules: PageModules) -> None:
    script = """return ids(module.ordered(table, module.rowsOf(table, module.ALL), "uncertain",
        new Map([[13, 0], [15, 1]])));"""
    assert cells(modules, script) == [13, 15, 11, 12]


def test_the_next_view_is_one_with_something_to_decide(modules: PageModules) -> None:
    script = (
        """return ["A", "B", null].map((view) => module.nextOpenView(table, ["A", "B"], view));"""
    )
    assert cells(modules, script) == ["open", "open", "A"]
    script = """table.state[0] = table.state[1] = 0;
        return ["A", "open"].map((view) => module.nextOpenView(table, ["A", "B"], view));"""
    assert cells(modules, script) == ["open", None]


def test_what_the_count_did_not_classify_is_a_group_of_its_own_until_it_is_decided(
    modules: PageModules,
) -> None:
    script = """table.unsure[1] = 1;
        const seen = () => ["A", "B", module.OPEN].map((view) => ids(module.rowsOf(table, view)));
        const before = [seen(), table.likely(1), table.tally().unsure];
        table.state[1] = 1;
        return [...before, seen(), table.tally().unsure];"""
    assert cells(modules, script) == [
        [[11], [13], [12, 15]],
        "A",
        2,
        [[11], [12, 13], [15]],
        1,
    ]


def test_pages_of_one_reading_are_joined_by_class_not_by_number(modules: PageModules) -> None:
    found = modules.run(
        "logic/cell_table.js",
        """const page = (id, codes, label, predicted) => ({ codes, sheets: [], next: null,
            columns: { id: [id], label: [label], removed: [0], predicted: [predicted] } });
        const joined = module.joinPages([page(1, ["A", "?"], -1, 0), page(2, ["A", "Z", "?"], 2, 1)]);
        const table = new module.CellTable(joined);
        return [table.codes, table.likely(0), table.likely(1), table.codes[table.predicted[1]]];""",
    )
    assert found == [["A", "?", "Z"], "A", "?", "Z"]


def test_a_tally_counts_each_cell_once(modules: PageModules) -> None:
    found = cells(
        modules, "const tally = table.tally(); return [Object.fromEntries(tally.classes), tally];"
    )
    assert found[0] == {"A": 2, "B": 1}
    wanted = {"reviewed": 2, "unreviewed": 3, "unsure": 1, "removed": 1, "changed": 2}
    assert {name: found[1][name] for name in wanted} == wanted


def keys(modules: PageModules, script: str) -> Any:
    given = """const vocabulary = { classes: ["AB", "CD", "AX"].map((code) => ({ code })), unidentified: "?",
        keys: { AB: "b", CD: "b" } };"""
    return modules.run("logic/key_map.js", given + script)


def test_every_class_has_a_key_of_its_own(modules: PageModules) -> None:
    found = keys(modules, "return Object.fromEntries(module.keyMap(vocabulary).keys);")
    assert found == {"AB": "b", "CD": "c", "AX": "a", "?": "0"}


def test_a_key_that_is_given_away_goes_to_who_had_the_other_one(modules: PageModules) -> None:
    found = keys(
        modules,
        """const own = module.withKey(vocabulary, {}, "AX", "b");
        return Object.fromEntries(module.keyMap(vocabulary, own).keys);""",
    )
    assert found == {"AB": "a", "CD": "c", "AX": "b", "?": "0"}


def test_rows_lie_as_cells_mature(modules: PageModules) -> None:
    found = modules.run(
        "logic/key_map.js",
        """const many = (lineage, count) => Array.from({ length: count }, (_, at) => ({ code: `${lineage}${at}`, lineage }));
        const vocabulary = { classes: [...many("m", 11), ...many("e", 2), ...many("l", 2), ...many("o", 1)],
                             unidentified: "?", keys: { m0: "x" } };
        const keys = module.keyMap(vocabulary, {}, "rows").keys;
        return ["m0", "m1", "m9", "m10", "e0", "e1", "l0", "l1", "o0", "?"].map((code) => keys.get(code)).join("");""",
    )
    # The eleventh of the first row comes after the last of the second.
    assert found == "qwpgasdfz0"


def test_a_key_with_ctrl_is_never_a_class(modules: PageModules) -> None:
    found = keys(
        modules,
        """const map = module.keyMap(vocabulary);
        const press = (key, more) => module.classOfKey(map, { key, ...more });
        return [press("b"), press("B"), press("b", { ctrlKey: true }), press("b", { altKey: true }), press("Enter")];""",
    )
    assert found == ["AB", "AB", None, None, None]


def test_the_keypad_lies_as_the_keyboard_does(modules: PageModules) -> None:
    found = keys(
        modules,
        """return module.keypad(module.keyMap(vocabulary)).map((row) => row.filter((one) => one.code).map((one) => one.key));""",
    )
    assert found == [["0"], ["a"], ["c", "b"]]


def test_keys_that_do_something_else_are_no_class_keys(modules: PageModules) -> None:
    found = keys(modules, 'return [" ", "?", "+", "A", "Enter", "a", "7"].map(module.allowed);')
    assert found == [False, False, False, False, False, True, True]


def test_addresses_are_read_and_what_is_none_is_the_worklist(modules: PageModules) -> None:
    found = modules.run(
        "logic/route.js",
        """return ["#/smear/3/sign?reading=7", "#/smear/3", "#/users", "#/smear/../x", "#/smear/3/nonsense", ""]
            .map((hash) => { const route = module.parseRoute(hash); return [route.screen, route.smear, route.reading]; });""",
    )
    assert found == [
        ["sign", 3, 7],
        ["gallery", 3, None],
        ["users", None, None],
        ["worklist", None, None],
        ["gallery", 3, None],
        ["worklist", None, None],
    ]


def test_an_address_leads_back_to_its_screen(modules: PageModules) -> None:
    found = modules.run(
        "logic/route.js",
        """return module.SCREENS.every((screen) => { const route = module.parseRoute(module.routeTo(screen, 5, 8));
            return route.screen === screen && route.smear === 5 && route.reading === 8; });""",
    )
    assert found is True


def test_the_scale_bar_is_a_round_length(modules: PageModules) -> None:
    found = modules.run(
        "logic/picture_geometry.js",
        "return [[0.25, 1], [0.25, 0.01], [0.1, 4], [null, 1]].map(([mpp, scale]) => module.scaleBar(mpp, scale, 160));",
    )
    # 160 px are 40 µm, 4 mm and 4 µm.
    assert found == [
        {"width": 80, "text": "20 µm"},
        {"width": 80, "text": "2 mm"},
        {"width": 80, "text": "2 µm"},
        None,
    ]


def test_the_counter_beeps_at_hundreds_and_at_the_target(modules: PageModules) -> None:
    found = modules.run(
        "logic/wording.js",
        "return [0, 99, 100, 200, 250, 500].map((count) => module.beepAt(count, count === 500 ? 500 : 250));",
    )
    assert found == [None, None, "short", "short", "long", "long"]
