"""Names of other tools as labels of ours."""

from pathlib import Path

import pytest

from marrowscope.errors import InputError
from marrowscope.exchange.class_names import load_synonyms


@pytest.mark.parametrize("text", ["", "- a\n", "A: [B]\n", "A: B\na: C\n", "A: B\nA: C\n", "a: ["])
def test_synonyms_that_cannot_be_read_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(InputError, match=r"s\.yaml: "):
        load_synonyms(tmp_path / "s.yaml")
