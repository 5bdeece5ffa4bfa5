"""Options that several commands share, each declared once."""

import typer

JSON = typer.Option(False, "--json", help="Print a machine-readable summary on standard output.")
