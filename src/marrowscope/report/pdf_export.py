"""A page as HTML text → PDF, with WeasyPrint, which needs the Pango library of the system."""

import contextlib
import io
import logging

from marrowscope.errors import InputError
from marrowscope.extras import require_extra

_MISSING = (
    "report.pdf: the text library Pango is missing; install the Debian packages libpango-1.0-0, "
    "libpangoft2-1.0-0 and libharfbuzz-subset0, or leave the PDF out with `pdf=False`"
)


def require_pdf() -> None:
    """Make sure that a PDF can be written; ask before a long count, not after it.

    Raises:
        InputError: WeasyPrint, or a library of the system that it needs, is missing.
    """
    require_extra("pdf", "report.pdf")
    try:
        # It tells of missing libraries on standard output too, at length.
        with contextlib.redirect_stdout(io.StringIO()):
            import weasyprint  # noqa: F401  # only whether it can be had
    except (ImportError, OSError):
        raise InputError(_MISSING) from None


def html_to_pdf(page: str) -> bytes:
    """The page as tagged PDF (PDF/UA-1); nothing is loaded but what it holds itself.

    Raises:
        InputError: WeasyPrint, or a library of the system that it needs, is missing.
    """
    require_pdf()
    import weasyprint
    from weasyprint.urls import URLFetcher

    fetcher = URLFetcher(allowed_protocols=("data",), allow_redirects=False)
    for name in ("weasyprint", "fontTools"):  # they remark on CSS that is meant for browsers
        logging.getLogger(name).setLevel(logging.ERROR)
    document = weasyprint.HTML(string=page, url_fetcher=fetcher, base_url=None)
    written = document.write_pdf(pdf_variant="pdf/ua-1")
    assert written is not None  # a target was not given
    return bytes(written)
