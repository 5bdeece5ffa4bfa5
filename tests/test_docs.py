"""What the documentation names is there: files, links, pages of the site."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "marrowscope"
ROOMS = sorted(PACKAGE.glob("*/__init__.py"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def named_files(text: str) -> set[str]:
    """Paths in code style that end in a suffix of ours, without placeholders."""
    found = re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|yaml|html|css|md|toml))`", text)
    return {path for path in found if "<" not in path}


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_every_file_that_a_guide_names_exists(name: str) -> None:
    names = named_files((ROOT / name).read_text("utf-8"))
    assert len(names) > 5
    missing = {one for one in names if not ((ROOT / one).exists() or (PACKAGE / one).exists())}
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_source_file_that_a_page_names_exists(page: Path) -> None:
    """A Python file in a room, or below src, tests, benchmarks or tools; old names have a page."""
    tops = {"src", "tests", "benchmarks", "tools", *(one.parent.name for one in ROOMS)}
    if page.name not in ("renames.md", "CHANGELOG.md"):
        names = named_files(page.read_text("utf-8"))
        ours = {one for one in names if one.endswith(".py") and one.partition("/")[0] in tops}
        assert not {o for o in ours if not ((ROOT / o).exists() or (PACKAGE / o).exists())}


def test_every_room_has_its_line_in_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rooms = {path.parent.name for path in ROOMS}
    assert not {room for room in rooms if f"`{room}/`" not in text}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_page_is_in_the_menu_of_the_site() -> None:
    text = (ROOT / "docs" / "index.md").read_text("utf-8")
    menus = re.findall(r"```{toctree}\n(.*?)```", text, flags=re.DOTALL)
    lines = [line for menu in menus for line in menu.split() if not line.startswith(":")]
    listed = [line for line in lines if re.fullmatch(r"[a-z-]+", line)]
    assert sorted(listed) == sorted(set(listed))
    assert {*listed, "index"} == {page.stem for page in (ROOT / "docs").glob("*.md")}
