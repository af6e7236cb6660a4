"""How the documentation is built: ``sphinx-build -W docs OUT``."""

from __future__ import annotations

from importlib.metadata import version as version_of

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

project = "hht_closure"
author = "the hht_closure project"
version = release = version_of("hht-closure")
extensions = ["myst_parser"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"hht_closure {release}"


def setup(app: Sphinx) -> None:
    """Mermaid is shown as it is written, where nothing draws it."""
    app.add_lexer("mermaid", TextLexer)
