"""The script that measures an installation counts packages and knows its bars."""

import runpy
from pathlib import Path

SCRIPT = runpy.run_path(str(Path(__file__).resolve().parents[2] / "tools" / "install_size.py"))


def test_packages_are_counted_without_our_own_largest_first(tmp_path: Path) -> None:
    for name, size in (("numpy-2.0-cp311.whl", 2_000_000), ("polars-1.0.whl", 3_000_000),
                       ("marrowscope-0.1.0.whl", 9_000_000)):  # fmt: skip
        (tmp_path / name).write_bytes(b"\0" * size)
    assert SCRIPT["measured"](tmp_path.iterdir()) == (2, 5.0, [(3.0, "polars"), (2.0, "numpy")])


def test_a_core_over_a_bar_is_one_line() -> None:
    assert SCRIPT["over_the_bar"](40, 350.0) is None
    assert SCRIPT["over_the_bar"](41, 10.0) == "the core brings 41 packages; at most 40 are allowed"
    assert "351 MB; at most 350" in SCRIPT["over_the_bar"](10, 350.6)
