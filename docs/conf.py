"""The documentation's site, for Sphinx: `sphinx-build -W --keep-going docs build/site` (see CONTRIBUTING.md).

Rule of this file: what is shown comes from the package and the pages beside this file, and nothing is fetched from
outside, neither while the site is built nor when a page is opened. Hence no inventories of other projects.
"""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "visavis"
author = "The visavis developers"
project_copyright = author
version = release = version_of("visavis")

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    # Ours, in docs/extensions.
    "api_reference",
    "command_reference",
    "example_figures",
]
exclude_patterns = ["extensions", "pictures", "static"]
templates_path: list[str] = []

nitpicky = True
default_role = "name"  # `Trial` in a docstring; see extensions/api_reference.py
suppress_warnings = ["config.cache"]

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

autodoc_typehints = "none"  # extensions/api_reference.py shows them as they are written
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
add_module_names = False
toc_object_entries_show_parents = "hide"

numpydoc_show_class_members = False
numpydoc_xref_param_type = False

copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["wide.css"]
html_title = f"visavis {release}"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
html_permalinks_icon = "#"


def setup(app: Sphinx) -> None:
    """Let blocks of CSV stand as they are."""
    app.add_lexer("csv", TextLexer)
