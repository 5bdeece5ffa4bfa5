"""List modules without a test of the same name: source and tests in, one path a line out.

Commands are tested in rows, and ``tests/test_suite.py`` lists what another test covers; this prints
all of them.
Test files that are beside no module of their name are listed below it.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def unmatched(source: Path, tests: Path) -> tuple[list[Path], list[Path]]:
    """Modules without a test of their name, and test files without a module of theirs.

    Args:
        source: folder of the package; modules whose names begin with ``_`` are left out.
        tests: folder that mirrors it.
    """
    modules = {
        path.relative_to(source) for path in source.rglob("*.py") if not path.name.startswith("_")
    }
    files = {path.relative_to(tests) for path in tests.rglob("test_*.py")}
    wanted = {module.with_name(f"test_{module.name}"): module for module in modules}
    untested = sorted(module for test, module in wanted.items() if test not in files)
    return untested, sorted(files - set(wanted))


def main() -> None:
    """Print both lists."""
    untested, others = unmatched(ROOT / "src" / "marrowscope", ROOT / "tests")
    print(f"{len(untested)} modules have no test of their name:", *untested, sep="\n  ")
    print(f"{len(others)} test files have no module of their name:", *others, sep="\n  ")


if __name__ == "__main__":
    main()
