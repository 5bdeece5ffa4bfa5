"""Command model list."""

from rich.table import Table

from marrowscope.cli.app import console, emit_json
from marrowscope.cli.options import JSON


def list_models(json: bool = JSON) -> None:
    """List the models that come with the package.

    Example: `marrowscope model list`
    """
    import marrowscope as ms

    found = ms.model_cards()
    if json:
        emit_json({name: card.to_dict() for name, card in found.items()})
        return
    cards = found.values()
    table = Table("name", "architecture", "knows", "macro-F1", box=None, pad_edge=False)
    for card in cards:
        score = card.metrics.get("macro_f1")
        shown = "not measured" if score is None else f"{score:.3f}"
        table.add_row(card.name, card.architecture, " ".join(card.known), shown)
    console.print(table)
    for card in cards:
        said = {
            "note": card.note or card.intended_use,
            "macro-F1 measured on": card.metrics.get("measured_on"),
            "licence": card.licence,
        }
        console.print()
        console.print(card.name, markup=False)
        for title, text in said.items():
            if text:
                console.print(f"  {title}: {text}", markup=False, soft_wrap=True)
