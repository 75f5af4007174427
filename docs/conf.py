"""How Sphinx builds the site: ``python -m sphinx -W -b html docs docs/_build``."""

import re
from importlib.metadata import version as installed
from typing import Any

project = "jaxgan"
author = "the jaxgan authors"
version = release = installed("jaxgan")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"jaxgan {version}"

# Formulas as $...$ and links to headings.
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_numpy_docstring = False
napoleon_use_ivar = True


def plain_shapes(*event: Any) -> None:
    """Escapes the star in a shape such as [n, *shape]: to Sphinx it would begin an emphasis."""
    lines = event[-1]
    lines[:] = [re.sub(r"(?<=[\[ ])\*(?=\w+[,\]])", r"\\*", line) for line in lines]


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", plain_shapes)
