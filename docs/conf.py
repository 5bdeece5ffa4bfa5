"""The site: pages of this folder and the API page from docstrings; ``make docs`` builds it."""

from marrowscope import __version__

project = "marrowscope"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["fieldlist"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "marrowscope"
html_show_copyright = False
autodoc_typehints = "description"
autodoc_member_order = "bysource"
nitpicky = False
# Code blocks of other tools' files need no highlighting.
suppress_warnings = ["misc.highlighting_failure"]
