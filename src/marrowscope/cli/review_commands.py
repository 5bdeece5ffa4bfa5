"""Commands review, server and audit."""

from typing import Annotated

import typer

from marrowscope.cli.app import console, emit_json, print_line
from marrowscope.cli.options import JSON


def audit(
    database: Annotated[
        str, typer.Argument(metavar="DB", help="SQLite file, or postgresql://USER@HOST/NAME.")
    ],
    json: bool = JSON,
) -> None:
    """Check that a database of reviews holds what was done: nothing changed, nothing missing.

    Example: `marrowscope audit smear.review.sqlite`
    """
    import marrowscope as ms

    found = ms.audit_reviews(database)
    if json:
        emit_json(found.to_dict())
    for line in found.problems:
        print_line(line, "red")
    if not found.whole:
        raise typer.Exit(1)
    console.print(
        f"{found.events} events in {found.chains} chains and {found.signatures} signatures are as "
        f"they were written; the hash of all is {found.head}",
        markup=False,
        soft_wrap=True,
    )
