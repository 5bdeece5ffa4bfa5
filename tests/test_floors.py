"""Imports go down only: every room may use the rooms below it, none above."""

import ast
from pathlib import Path

import pytest

import marrowscope

ROOT = Path(marrowscope.__file__).parent

# From the ground up; rooms on one line do not import each other.
FLOORS = (
    {"_about", "errors", "progress", "silent_import"},
    {"extras"},
    {"io", "cluster"},
    {"morphology", "identifiers"},
    {"class_synonyms"},
    {"cells", "stain", "scoring", "preprocessing"},
    {"slides"},
    {"cell_pixels"},
    {"phantom"},
    {"dataset"},
    {"smear"},
    {"detection"},
    {"features"},
    {"augment"},
    {"models"},
    {"inference"},
    {"training"},
    {"evaluation"},
    {"differential", "explain"},
    {"counting"},
    {"exchange"},
    {"report"},
    {"fleet"},
    {"reproduce", "review"},
    {"demo", "doctor"},
    {"api"},
    {""},
    {"cli"},
    {"__main__"},
)
FLOOR = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}


def imported(path: Path) -> set[str]:
    """Rooms of marrowscope that a file imports, inside functions too."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "marrowscope":
            parts = str(node.module).split(".")
            rooms.add(parts[1] if len(parts) > 1 else "")
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            rooms |= {".".join(name[1:2]) for name in names if name[0] == "marrowscope"}
    return rooms


@pytest.mark.parametrize(
    "path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_imports_go_down_only(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    room = "" if parts == ("__init__",) else parts[0]
    assert room in FLOOR, f"{room} has no floor yet"
    for other in imported(path) - {room}:
        assert FLOOR[other] < FLOOR[room], f"{room} imports {other}"


def test_no_two_modules_share_a_name() -> None:
    stems = [path.stem for path in ROOT.rglob("*.py") if not path.stem.startswith("__")]
    stems += [path.parent.name for path in ROOT.rglob("__init__.py") if path.parent != ROOT]
    assert sorted(stems) == sorted(set(stems))
