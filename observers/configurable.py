"""Observers that can be made from a line of text, such as ``metric:colorfulness``, and named options."""

from __future__ import annotations

import abc
import json
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, ClassVar, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from visavis.base.near import did_you_mean
from visavis.experiments import Observer, ObserverError
from visavis.experiments.explanation import say_wrong
from visavis.experiments.yaml_file import parse_yaml


class ObserverOptions(BaseModel):
    """Options of an observer: strict, and a misspelt one is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ConfigurableObserver(Observer):
    """An observer that the command line can make.

    Attributes
    ----------
    Options : type
        A subclass of `ObserverOptions` whose fields are the options, with defaults and descriptions.
    requires : tuple of str
        Import names of packages beyond visavis's own.
    extra : str or None
        The extra of visavis that installs them.
    needs : str
        What else they need, where that is missing here, such as another version of Python.
    """

    Options: ClassVar[type[ObserverOptions]] = ObserverOptions
    requires: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str | None] = None
    needs: ClassVar[str] = ""

    @classmethod
    @abc.abstractmethod
    def configured(cls, subject: str | None, options: Any, name: str | None) -> Self:
        """Make an observer.

        Parameters
        ----------
        subject : str or None
            What follows the colon: a model's id, a statistic's name.
        options : cls.Options
        name : str or None
            Name in the ``observer`` column, where the user gave one.

        Raises
        ------
        ObserverError
            If the subject and the options do not go together.
        """


def parse_options(kind: type[ConfigurableObserver], given: Mapping[str, Any], source: str) -> ObserverOptions:
    """Check the options given for an observer.

    Parameters
    ----------
    kind : type
        The observer's class.
    given : mapping
        Values, or texts as they come from a command line, which are read as JSON where they are JSON, and as YAML
        where they begin as a list or a mapping: ``2`` is a number, ``{contrast: rms_contrast}`` a mapping,
        ``rms_contrast`` a text.
    source : str
        What the user calls the observer, for messages.

    Raises
    ------
    ObserverError
        With every option that is unknown or has the wrong value.
    """
    values = {key: _from_text(value) if isinstance(value, str) else value for key, value in given.items()}
    try:
        return kind.Options.model_validate(values)
    except ValidationError as error:
        problems = dict.fromkeys(_problem(detail, kind.Options) for detail in error.errors())
        raise ObserverError("\n  ".join([f"{source}:", *problems])) from error


def option_name(field: str) -> str:
    """Return how an option is written on the command line: ``--base-url`` for ``base_url``."""
    return f"--{field.replace('_', '-')}"


def _problem(detail: Any, options: type[ObserverOptions]) -> str:
    """Turn one error of pydantic into a line: which option, what is wrong, and an example where the option has one."""
    if not detail["loc"]:
        return str(detail["msg"]).removeprefix("Value error, ")
    name, *path = (str(part) for part in detail["loc"])
    if name not in options.model_fields:
        known = [option_name(field) for field in options.model_fields]
        return f"unknown option {option_name(name)}: {did_you_mean(option_name(name), known)}"
    field = options.model_fields[name]
    if field.examples:
        return f"{option_name(name)}: this cannot be read: write it as in {option_name(name)} {field.examples[0]}"
    if detail["type"] == "value_error":
        return f"{option_name(name)}: {detail['ctx']['error']}"
    kinds = [one for one in get_args(field.annotation) if one is not NoneType]
    if get_origin(field.annotation) in (Union, UnionType) and len(kinds) > 1:
        path = path[1:]  # which of the kinds of value was tried
    wrong = say_wrong(detail, tuple(detail["loc"]), options.model_json_schema())
    return f"{option_name(name)}: {'.'.join(path)}{': ' if path else ''}{wrong}"


def _from_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        if not text.lstrip().startswith(("{", "[")):
            return text
    try:
        return parse_yaml(text).data
    except ValueError:
        return text
