"""Choices made elsewhere, brought into the trials table: a layout says which column is which.

Rule of this folder: what was guessed is said; no row is dropped without a word, and what could be meant in two ways is
refused with its line, or listed as a doubt.
"""

from .choices import Imported, import_choices, read_choices
from .layout import LAYOUTS, Layout, read_layout, write_layout
from .matrix import import_matrix
from .preview import preview

__all__ = [
    "LAYOUTS",
    "Imported",
    "Layout",
    "import_choices",
    "import_matrix",
    "preview",
    "read_choices",
    "read_layout",
    "write_layout",
]
