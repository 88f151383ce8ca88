"""Where a foreign table keeps what: in Python, and as a small YAML file that can be shared."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from visavis.base.files import atomic_write
from visavis.base.near import did_you_mean
from visavis.base.trials import CHOICES, PHASES
from visavis.experiments.session import SessionError
from visavis.experiments.yaml_file import read_yaml

from .splitting import SplitRule

NEEDED = ("observer", "left", "right", "choice")
NAMES = ("observer", "session", "attribute", "scene", "left", "right", "winner", "loser", "reference", "expected")
"""Our columns that hold names."""

FORMS: tuple[tuple[str, ...], ...] = (
    ("choice",),
    ("winner", "loser"),
    ("n_left", "n_right", "n_tie"),
    ("share_left", "share_right", "votes"),
)
"""How answers may stand in a table: one choice a row, winner and loser, votes as counts, or a share of votes."""

KNOWN = (
    *(name for name in NAMES if name not in ("winner", "loser")),
    *(name for form in FORMS for name in form),
    *("repetition", "response_time_s", "phase", "outcome"),
)
OPTIONAL = tuple(name for name in KNOWN if name not in NEEDED)
CONSTANTS = ("observer", "session", "attribute", "scene", "reference", "votes")

FirstOf = Mapping[str, Sequence[str]]
Column = str | Sequence[str] | FirstOf
Conditions = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Layout:
    """Where a foreign table keeps what.

    Attributes
    ----------
    columns : mapping
        The foreign name of each of ``observer, left, right, choice`` and, if there, ``session, scene, attribute,
        reference, expected, phase, outcome, repetition, response_time_s``. Instead of one name several in a list,
        whose texts are joined; or ``{'first_of': [...]}``, the first that holds something (``*`` stands for anything in
        its names). Instead of ``choice``: ``winner`` and ``loser``, whose sides are not known; ``n_left``, ``n_right``
        and ``n_tie``, votes as counts; ``share_left`` or ``share_right`` with ``votes``, a share of so many votes.
    answers : mapping
        What the choice column holds for ``left``, ``right`` and ``tie``, as text, beside those words themselves, which
        may be written in capital letters. Without it the name of the chosen item is an answer too. Anything else is an
        ``invalid`` outcome.
    other_rows : bool
        Whether rows that name neither image are not trials, but instructions and the like.
    optional : collection of str
        Our names of columns that a table may lack.
    split : str
        How file names or URLs in ``left``, ``right`` and ``reference`` tell scene and rendition, such as
        ``{scene}_{rendition}.{ext}``: it has to fit the end of the path. ``{}`` stands for anything, and the scene is
        as short as it can be.
    join : str
        What stands between the texts of several columns.
    scale : two numbers
        The ends of a scale of preference: answers below its middle mean left, above it right, the middle a tie.
    phases : mapping
        For ``practice`` and ``catch`` the columns and what they hold then (a text, several, or ``*`` for anything);
        one of them has to hold.
    leave_out : mapping
        Columns and what they hold in rows that are not trials; they are counted.
    constants : mapping
        What holds for all rows, such as ``observer: people``.
    unit : {'s', 'ms'}
        Of the response times.
    unknown_sides : bool
        Whether the table does not tell which image was on the left: sides then alternate.
    about : str
        What is in such a table, and where it is described.

    Raises
    ------
    SessionError
        If a column is unknown, answers stand in two forms, or a word is not one of those above.
    """

    columns: Mapping[str, Column]
    answers: Mapping[str, str] = field(default_factory=dict)
    other_rows: bool = False
    optional: Collection[str] = ()
    split: str = ""
    join: str = "-"
    scale: Sequence[float] | None = None
    phases: Mapping[str, Conditions] = field(default_factory=dict)
    leave_out: Conditions = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    unit: str = "s"
    unknown_sides: bool = False
    about: str = ""

    def __post_init__(self) -> None:
        for name in (*self.columns, *self.optional):
            if name not in KNOWN:
                raise SessionError(f"unknown column {name!r}: {did_you_mean(name, KNOWN)}")
        for text, meaning in self.answers.items():
            if meaning not in CHOICES:
                raise SessionError(f"the answer {text!r} must be one of {', '.join(CHOICES)}, not {meaning!r}")
        given = [form for form in FORMS if any(name in self.columns for name in form)]
        if len(given) > 1:
            raise SessionError(f"answers stand in two forms, {' and '.join(form[0] for form in given)}: name one")
        if "choice" in self.columns and self.columns["choice"] in (self.columns.get("left"), self.columns.get("right")):
            raise SessionError(
                f"{self.columns['choice']!r} is both an image and the choice: where a table tells winner and loser, "
                "name them as winner= and loser="
            )
        _among("phases", self.phases, PHASES)
        _among("constants", self.constants, CONSTANTS)
        _among("unit", [self.unit], ("s", "ms"))
        if self.scale is not None and not (len(self.scale) == 2 and self.scale[0] < self.scale[1]):
            raise SessionError(f"scale: expected its two ends in order, such as 1, 5, not {self.scale!r}")
        if self.split:
            SplitRule(self.split)

    @property
    def form(self) -> tuple[str, ...]:
        """Our names of the columns in which answers stand."""
        return next((form for form in FORMS if any(name in self.columns for name in form)), FORMS[0])

    def adapted(self, columns: Mapping[str, Column], **others: Any) -> Layout:
        """Return this layout with other columns, which have to be there; another form of answers replaces this one's.

        Parameters
        ----------
        columns : mapping
        **others
            Other attributes; mappings are added to.
        """
        kept = dict(self.columns)
        for form in FORMS[1:]:
            if any(name in columns for name in form):
                gone = {name for other in FORMS for name in other if other != form}
                kept = {name: column for name, column in kept.items() if name not in gone}
                if form == ("winner", "loser"):
                    kept = {name: column for name, column in kept.items() if name not in ("left", "right")}
        added: dict[str, Any] = {
            name: {**getattr(self, name), **value} if isinstance(value, Mapping) else value
            for name, value in others.items()
        }
        return replace(self, columns={**kept, **columns}, optional=set(self.optional) - columns.keys(), **added)


def _among(what: str, given: Collection[str], allowed: Sequence[str]) -> None:
    for name in given:
        if name not in allowed:
            raise SessionError(f"{what}: unknown {name!r}: {did_you_mean(name, allowed)}")


def read_layout(path: Path | str) -> Layout:
    """Read a layout from a YAML file.

    Raises
    ------
    SessionError
        With the line of what is wrong.
    """
    return _read(Path(path))


def _read(path: Path | Traversable) -> Layout:
    try:
        file = read_yaml(path)  # type: ignore[arg-type]
    except FileNotFoundError:
        raise SessionError(f"{path}: no such file: {did_you_mean(path, LAYOUTS)}, or name a YAML file") from None
    except (OSError, ValueError) as error:
        raise SessionError(f"{path}: cannot be read ({error})") from error
    data = file.data
    if file.problems:
        raise SessionError(f"{path}: {file.problems[0]}")
    if not (isinstance(data, dict) and isinstance(data.get("columns"), dict)):
        raise SessionError(f"{path}: expected a mapping with 'columns': see 'visavis import --save-layout'")
    known = [one.name for one in fields(Layout)]
    if data.pop("layout", 1) != 1:
        raise SessionError(f"{path}: 'layout' must be 1, the version of this format")
    for key in data:
        if key not in known:
            raise SessionError(f"{path}: line {file.line((key,))}: unknown key {key!r}: {did_you_mean(key, known)}")
    for key in ("columns", "answers", "phases", "leave_out", "constants"):
        if not isinstance(data.get(key, {}), dict):
            raise SessionError(f"{path}: line {file.line((key,))}: {key} must be a mapping")
    for key in ("answers", "constants"):
        data[key] = {_text(name): _text(value) for name, value in data.get(key, {}).items()}
    data["leave_out"] = _conditions(data.get("leave_out", {}))
    data["phases"] = {name: _conditions(dict(held)) for name, held in data.get("phases", {}).items()}
    try:
        return Layout(**data)
    except SessionError as error:
        raise SessionError(f"{path}: {error}") from error


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _conditions(given: Mapping[Any, Any]) -> dict[str, str | list[str]]:
    return {
        str(column): [_text(one) for one in held] if isinstance(held, list) else _text(held)
        for column, held in given.items()
    }


def write_layout(layout: Layout, path: Path | str) -> Path:
    """Write a layout as a YAML file that `read_layout` reads.

    Returns
    -------
    Path
    """
    lines = [f"# {line}" for line in layout.about.splitlines()] + ["layout: 1"]
    if layout.about:
        lines.append(f"about: {_as_yaml(layout.about)}")
    for one in fields(Layout):
        value = getattr(layout, one.name)
        if (
            one.name == "about"
            or value in ({}, (), "", None, False)
            or (one.name, value) in (("join", "-"), ("unit", "s"))
        ):
            continue
        if one.name == "optional":
            value = [name for name in KNOWN if name in value]
        if isinstance(value, Mapping):
            lines.append(f"{one.name}:")
            lines += [f"  {_as_yaml(name)}: {_as_yaml(held)}" for name, held in value.items()]
        else:
            lines.append(f"{one.name}: {_as_yaml(value)}")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(path, "\n".join(lines) + "\n", durable=True)
    return path


def _as_yaml(value: Any) -> str:
    """Return JSON, which is YAML too."""
    if isinstance(value, Mapping):
        return json.dumps({str(name): held for name, held in value.items()}, ensure_ascii=False)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return json.dumps(list(value), ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False)


class _Shipped(Mapping[str, Layout]):
    """The layouts that ship with the package, each read when it is asked for."""

    def __getitem__(self, name: str) -> Layout:
        if name not in self._names:
            raise KeyError(name)
        return _shipped(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @property
    def _names(self) -> list[str]:
        folder = files("visavis.experiments.importing").joinpath("layouts")
        names = sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))
        return sorted(names, key="plain".__eq__)  # our own names come last


@cache
def _shipped(name: str) -> Layout:
    return _read(files("visavis.experiments.importing").joinpath("layouts", f"{name}.yaml"))


LAYOUTS: Mapping[str, Layout] = _Shipped()
"""Known layouts by name; ``plain`` has our own column names."""
