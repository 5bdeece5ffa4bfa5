"""Commands review, server and audit."""

from pathlib import Path
from typing import Annotated

import typer

from marrowscope.cli.app import console, emit_json, print_line
from marrowscope.cli.options import JSON, Model, PixelSize


def review(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="SOURCE",
            help="Report folder of a count, cell table, folder of crops or of fields, or slide.",
        ),
    ],
    database: Annotated[
        Path | None, typer.Option(help="SQLite file; default: beside the first source.")
    ] = None,
    reader: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who reads; default: the user's name.")
    ] = None,
    model: Model = None,
    microns_per_pixel: PixelSize = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Port at 127.0.0.1; default: a free one from 8765."),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page, or only print its link.")
    ] = True,
    json: bool = JSON,
) -> None:
    """Check cells on a page in the browser: the machine proposes, a person decides.

    Slides and folders that are not counted yet are counted in the background. What is decided is
    kept in a database beside the source; end the command with Ctrl-C.

    Example: `marrowscope review report/`
    """
    import marrowscope as ms

    ms.review_smears(
        sources,
        database=database,
        reader=reader,
        model=model,
        microns_per_pixel=microns_per_pixel,
        port=port,
        browser=browser,
        say=(lambda link: emit_json({"link": link})) if json else typer.echo,
    )


def server(
    database: Annotated[
        str, typer.Option(help="postgresql://USER@HOST/NAME, or the path of an SQLite file.")
    ],
    library: Annotated[
        Path, typer.Option(help="Folder of slides; what is put into it is counted.")
    ],
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = 8765,
    name: Annotated[
        list[str] | None,
        typer.Option(help="Host name by which browsers ask, as of a proxy; may be repeated."),
    ] = None,
    https: Annotated[
        bool, typer.Option("--https", help="Browsers come by HTTPS, through a proxy.")
    ] = False,
    four_eyes: Annotated[
        bool, typer.Option("--four-eyes", help="Who alone has read a smear cannot sign it.")
    ] = False,
    model: Model = None,
    microns_per_pixel: PixelSize = None,
    json: bool = JSON,
) -> None:
    """Serve the review page to a laboratory: many readers, roles, a worklist of slides.

    On the first start a password is printed, with which an administrator makes others known.

    Example: `marrowscope server --database postgresql://review@localhost/reviews --library slides`
    """
    import marrowscope as ms

    ms.serve_reviews(
        database,
        library,
        host=host,
        port=port,
        names=name or (),
        https=https,
        four_eyes=four_eyes,
        model=model,
        microns_per_pixel=microns_per_pixel,
        say=(lambda line: emit_json({"message": line})) if json else typer.echo,
    )


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
