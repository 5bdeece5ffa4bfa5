"""The page of a study."""

import json
from pathlib import Path

from marrowscope.report.study_page import Section, Table, section_from_dict, write_study_page


def test_sections_survive_json_and_hostile_text_is_escaped(tmp_path: Path) -> None:
    section = Section(
        "<script>x</script>", "Table 1", ("a < b",), (Table("c", ("h",), (("<b>",),)),),
        (), ("why & wherefore",), (("list", "a.csv"),),
    )  # fmt: skip
    assert section_from_dict(json.loads(json.dumps(section.to_dict()))) == section
    page = write_study_page([section], tmp_path, "<i>", {"data": "<u>"}).read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;u&gt;" in page
