"""Where tiles lie, which are drawn, what a frame holds, and what a key or click selects."""

from support.page_modules import PageModules

LAYOUT = "logic/grid_layout.js"
SELECTION = "logic/selection.js"


def test_three_columns_fit_where_four_do_not(modules: PageModules) -> None:
    found = modules.run(
        LAYOUT,
        """const layout = module.gridLayout({ count: 10, width: 339, side: 80, gap: 4 });
        return [layout.columns, layout.rows, layout.height, module.tilePlace(layout, 4)];""",
    )
    # 4 · 84 + 4 = 340 px would be four columns.
    assert found == [3, 4, 4 * 84 + 4, {"x": 88, "y": 88}]


def test_of_ten_thousand_cells_only_those_in_sight_are_drawn(modules: PageModules) -> None:
    found = modules.run(
        LAYOUT,
        """const layout = module.gridLayout({ count: 10000, width: 850, side: 102, gap: 2 });
        const wrong = [];
        let most = 0;
        for (let top = 0; top < layout.height; top += 997) {
          const { first, end } = module.drawnTiles(layout, top, 600);
          most = Math.max(most, end - first);
          for (let index = 0; index < 10000; index += 1) {
            const { y } = module.tilePlace(layout, index);
            const seen = y < top + 600 && y + layout.side > top;
            if (seen && (index < first || index >= end)) wrong.push([top, index]);
          }
        }
        return { wrong, most };""",
    )
    assert found["wrong"] == []
    assert found["most"] <= 8 * 12


def test_a_frame_holds_the_tiles_that_it_touches(modules: PageModules) -> None:
    found = modules.run(
        LAYOUT,
        """const layout = module.gridLayout({ count: 11, width: 340, side: 80, gap: 4 });
        const frame = (x0, y0, x1, y1) => module.tilesIn(layout, { x0, y0, x1, y1 });
        return [frame(90, 10, 180, 100), frame(180, 100, 90, 10), frame(85, 0, 87, 400),
                frame(-50, -50, 2000, 2000).length, frame(300, 200, 330, 300), frame(0, 9000, 10, 9900)];""",
    )
    assert found[0] == [1, 2, 5, 6]
    assert found[1] == found[0]  # drawn from the other corner
    assert found[2] == []  # in a gap
    assert found[3] == 11
    assert found[4] == []  # the place after the last
    assert found[5] == []


def test_a_point_finds_the_tile_that_was_put_there(modules: PageModules) -> None:
    wrong = modules.run(
        LAYOUT,
        """const layout = module.gridLayout({ count: 57, width: 500, side: 61, gap: 3 });
        const wrong = [];
        for (let index = 0; index < 57; index += 1) {
          const { x, y } = module.tilePlace(layout, index);
          if (module.tileAt(layout, x + 30, y + 30) !== index) wrong.push(index);
          if (module.tileAt(layout, x - 1, y + 30) !== -1) wrong.push(index);
        }
        return wrong;""",
    )
    assert wrong == []


def test_the_window_moves_no_further_than_it_must(modules: PageModules) -> None:
    found = modules.run(
        LAYOUT,
        """const layout = module.gridLayout({ count: 100, width: 420, side: 100, gap: 4 });
        return [0, 8, 99].map((index) => module.scrolledTo(layout, index, 100, 300));""",
    )
    assert found == [0, 100, 24 * 104 + 4 + 104 - 300]  # row 24 is the last


def test_a_picture_is_cut_from_its_place_in_the_sheet(modules: PageModules) -> None:
    found = modules.run(
        LAYOUT, "return module.spritePlace({ columns: 10, rows: 10, side: 96 }, 23, 48);"
    )
    assert found == {"position": "-144px -96px", "size": "480px 480px"}


def selected(modules: PageModules, script: str) -> list[int]:
    cells: list[int] = modules.run(
        SELECTION,
        f"""const order = [10, 20, 30, 40, 50];
        const from = (id) => module.only(id);
        const found = (() => {{ {script} }})();
        return [...found.cells];""",
    )
    return sorted(cells)


def test_clicks_select_as_in_a_file_manager(modules: PageModules) -> None:
    assert selected(modules, "return module.clicked(from(10), order, 30);") == [30]
    assert selected(modules, "return module.clicked(from(10), order, 30, {ctrl: true});") == [
        10,
        30,
    ]
    assert selected(modules, "return module.clicked(from(10), order, 10, {ctrl: true});") == []
    assert selected(modules, "return module.clicked(from(40), order, 20, {shift: true});") == [
        20,
        30,
        40,
    ]


def test_a_range_keeps_its_fixed_end(modules: PageModules) -> None:
    script = """let now = module.clicked(from(20), order, 50, { shift: true });
        now = module.moved(now, order, -2, { shift: true });
        return now;"""
    assert selected(modules, script) == [20, 30]


def test_arrows_stop_at_both_ends(modules: PageModules) -> None:
    assert selected(modules, "return module.moved(from(40), order, 7);") == [50]
    assert selected(modules, "return module.moved(from(20), order, -7);") == [10]


def test_after_cells_leave_the_cursor_is_on_the_next_one(modules: PageModules) -> None:
    script = """const now = module.clicked(from(20), order, 30, { shift: true });
        return module.following(now, order, [10, 40, 50]);"""
    assert selected(modules, script) == [40]
    script = "return module.following(from(50), order, [10, 20, 30, 40]);"
    assert selected(modules, script) == [40]
    assert selected(modules, "return module.following(from(10), order, []);") == []


def test_a_cell_that_stays_gives_the_cursor_to_the_next_one(modules: PageModules) -> None:
    assert selected(modules, "return module.following(from(20), order, order, true);") == [30]


def test_a_frame_replaces_or_adds(modules: PageModules) -> None:
    assert selected(modules, "return module.framed(from(10), [30, 40], false);") == [30, 40]
    assert selected(modules, "return module.framed(from(10), [30, 40], true);") == [10, 30, 40]
