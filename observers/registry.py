"""Which observers there are: those that visavis brings, and those of other packages, by entry point.

A package adds an observer by an entry point in the group ``visavis.observers`` that names a subclass of
`ConfigurableObserver`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from visavis.base.near import did_you_mean
from visavis.experiments import Capabilities, Observer, ObserverError

from .configurable import ConfigurableObserver, parse_options

GROUP = "visavis.observers"


@dataclass(frozen=True)
class ObserverInfo:
    """What is known of one kind of observer without making one.

    Attributes
    ----------
    kind : str
        What stands before the colon of ``--observer``.
    summary : str
        One line.
    capabilities : Capabilities or None
        None where the class could not be loaded.
    options : dict
        A line for each option: its type, default and meaning.
    missing : str
        What has to be done before it can be used; empty where nothing has.
    """

    kind: str
    summary: str
    capabilities: Capabilities | None
    options: dict[str, str]
    missing: str


def create_observer(spec: str, options: Mapping[str, Any] | None = None, *, name: str | None = None) -> Observer:
    """Make an observer from a line of text.

    Parameters
    ----------
    spec : str
        ``KIND`` or ``KIND:SUBJECT``; the first colon divides them, so ``transformers:Qwen/Qwen3-VL`` and the like work.
    options : mapping, optional
        Its options; texts are read as JSON where they are JSON.
    name : str, optional
        Name in the ``observer`` column.

    Raises
    ------
    ObserverError
        If the kind is unknown, it needs a package that is not installed, or an option is wrong.
    """
    kind, _, subject = spec.partition(":")
    found = _entry_points()
    if kind not in found:
        raise ObserverError(f"unknown observer {kind!r}: {did_you_mean(kind, found)} (see 'visavis observers')")
    observer_class = _load(found[kind])
    missing = _missing(observer_class)
    if missing:
        raise ObserverError(f"{kind}: {missing}")
    made = observer_class.configured(subject or None, parse_options(observer_class, options or {}, spec), name)
    if not isinstance(made, observer_class):
        raise ObserverError(
            f"{kind}: {observer_class.__name__}.configured(subject, options, name) returned {type(made).__name__}: "
            f"expected {observer_class.__name__}"
        )
    return made


def available_observers() -> list[ObserverInfo]:
    """Describe every kind of observer; one that cannot be loaded is listed with the reason."""
    return [_info(kind, entry) for kind, entry in _entry_points().items()]


def _entry_points() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)}


def _load(entry: EntryPoint) -> type[ConfigurableObserver]:
    try:
        loaded = entry.load()
    except Exception as error:
        raise ObserverError(
            f"the observer {entry.name!r} ({entry.value}) cannot be loaded ({type(error).__name__}: {error}): "
            "reinstall the package that brings it"
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, ConfigurableObserver)):
        raise ObserverError(f"the observer {entry.name!r} ({entry.value}) is not a subclass of ConfigurableObserver")
    return loaded


def _missing(observer_class: type[ConfigurableObserver]) -> str:
    absent = [name for name in observer_class.requires if not _is_installed(name)]
    if not absent:
        return ""
    remedy = f": pip install 'visavis[{observer_class.extra}]'" if observer_class.extra else ""
    return f"needs {', '.join(absent)}{f', and {observer_class.needs}' if observer_class.needs else ''}{remedy}"


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # of a package within one that is not there
        return False


def _info(kind: str, entry: EntryPoint) -> ObserverInfo:
    try:
        observer_class = _load(entry)
    except ObserverError as error:
        return ObserverInfo(kind, entry.value, None, {}, str(error))
    summary = (observer_class.__doc__ or "").strip().splitlines()[0]
    return ObserverInfo(
        kind, summary, observer_class.capabilities, _option_lines(observer_class), _missing(observer_class)
    )


def _option_lines(observer_class: type[ConfigurableObserver]) -> dict[str, str]:
    lines = {}
    for name, field in observer_class.Options.model_fields.items():
        default = "required" if field.is_required() else f"default {field.get_default(call_default_factory=True)!r}"
        lines[name] = f"{field.description or ''} ({default})".strip()
    return lines
