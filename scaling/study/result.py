"""The result of a comparison: its tables by name, and what they were made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape

import pandas as pd

from visavis.scaling.scales.links import LINKS

from .analysis import Analysis
from .options import Options


@dataclass(frozen=True, eq=False)
class Comparison(Mapping[str, pd.DataFrame]):
    """Models beside people: a mapping from the name of a table to the table, which is an attribute too.

    Attributes
    ----------
    experiments, definitions : tuple of str
        Names and hashes of what was run.
    attributes, scenes, renditions : tuple of str
    people, models : tuple of str
        Observers taken as people, and all others.
    options : Options
    analyses : tuple of Analysis
        What was computed, in the order of the report; `describe_tables` tells the columns.
    notes : tuple of str
        What could not be computed, or should be known, and why.
    """

    experiments: tuple[str, ...]
    definitions: tuple[str, ...]
    attributes: tuple[str, ...]
    scenes: tuple[str, ...]
    renditions: tuple[str, ...]
    people: tuple[str, ...]
    models: tuple[str, ...]
    options: Options
    analyses: tuple[Analysis, ...]
    notes: tuple[str, ...]
    _tables: dict[str, pd.DataFrame] = field(repr=False)

    def __repr__(self) -> str:
        sizes = f"{len(self.people)} people, {len(self.models)} model(s), {len(self.scenes)} scene(s)"
        asked = ", ".join(self.attributes)
        return f"<Comparison: {sizes}, {len(self.renditions)} renditions, on {asked}; {len(self.notes)} note(s)>"

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        known = f"<ul>{notes}</ul>" if notes else ""
        shown = "".join(
            f"<details><summary>{escape(name)}</summary>{table.to_html(index=False, notebook=True)}</details>"
            for name, table in self.items()
            if len(table)
        )
        return f"<p>{escape(repr(self))}</p>{known}{shown}"

    def __getattr__(self, name: str) -> pd.DataFrame:
        tables = self.__dict__.get("_tables", {})
        if name in tables:
            found: pd.DataFrame = tables[name]
            return found
        raise AttributeError(f"a comparison has no table {name!r}; choose from {', '.join(tables)}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._tables})

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return every table by its name."""
        return dict(self._tables)

    @property
    def unit(self) -> str:
        """Unit of the scale values."""
        return LINKS[self.options.model].unit
