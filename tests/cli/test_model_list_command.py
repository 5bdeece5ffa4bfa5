"""model list: what comes with the package."""

import json

from support.command_shell import Shell


def test_every_card_is_given_as_data(shell: Shell) -> None:
    out, _ = shell("model", "list", "--json")
    for name, card in json.loads(out).items():
        assert card["name"] == name


def test_a_person_reads_what_each_knows_and_was_measured_on(shell: Shell) -> None:
    out, said = shell("model", "list")
    assert out == ""
    (row,) = (line for line in said.splitlines() if line.startswith("sequential-mll7 "))
    assert "BLA PMO NGS EOS MON LYT NIF" in row
    assert "macro-F1 measured on: " in said
    assert "licence: " in said
