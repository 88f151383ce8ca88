"""YAML written by people: read as YAML 1.2, with every value's line kept and ambiguous scalars refused.

YAML 1.1 readers take ``no`` for False, ``010`` for 8 and ``1:30`` for 90. A definition that means different things to
different readers cannot be trusted, so such scalars are refused unless they are quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

KeyPath = tuple[str | int, ...]

# What is ambiguous, why, and how to write what was meant without quotes.
_TRAPS = (
    (re.compile(r"[+-]?0[0-9_]+"), "some YAML readers take a leading zero for octal", "without leading zeros"),
    (re.compile(r"[+-]?0[bo][01234567_]+"), "some YAML readers take it for a number", "as a decimal number"),
    (re.compile(r"(?i:y|n|yes|no|on|off)"), "some YAML readers take it for true or false", "as true or false"),
    (re.compile(r"[+-]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?"), "some YAML readers take it for a number in base 60", ""),
    (re.compile(r"[+-]?[0-9]+(_[0-9]+)+(\.[0-9]*)?"), "some YAML readers drop the underscore", "without it"),
    (re.compile(r"[+-]?[0-9]{17,}"), "readers keep whole numbers exactly up to 2^53 alone", "with fewer digits"),
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?"), "some YAML readers take it for a date", ""),
)

_MOST_CHARACTERS = 5_000_000
_MOST_VALUES = 200_000
_DEEPEST = 50
_SHOWN = 60

# What people do about what the parser says, by a part of it.
_REMEDIES = {
    "mapping values are not allowed": "text that holds ': ' must stand in quotes",
    "cannot start any token": "indent with spaces, and put text that begins with a special character in quotes",
    "duplicate key": "keep one of the two",
}


@dataclass(frozen=True)
class YamlFile:
    """The content of a YAML file and where each value stands.

    Attributes
    ----------
    data : object
        What the file says, in plain Python types.
    lines : dict
        Line number (from 1) of each key, or item of a list, by its path, such as ``('attributes', 'contrast')``.
    problems : tuple of str
        Ambiguous scalars, each with its line and the remedy.
    """

    data: Any
    lines: dict[KeyPath, int]
    problems: tuple[str, ...]

    def line(self, path: KeyPath) -> int | None:
        """Return the line of the key or item at `path`, or of what it should stand in; None for the file itself."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines[path] if path else None


def read_yaml(path: Path) -> YamlFile:
    """Read one YAML document.

    Raises
    ------
    ValueError
        If the file is not one well-formed YAML document in UTF-8; the message gives line and column, not the file.
    OSError
        If the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 text (byte {error.start}): save the file as UTF-8") from error
    return parse_yaml(text)


def parse_yaml(text: str) -> YamlFile:
    """Read one YAML document from its text.

    Raises
    ------
    ValueError
        If it is not one well-formed YAML document; the message gives line and column.
    """
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"holds {len(text):,} characters, more than {_MOST_CHARACTERS:,}: is it the right file?")
    lines: dict[KeyPath, int] = {}
    problems: list[str] = []
    try:
        node = YAML(typ="safe", pure=True).compose(text)
        for number, (key_path, value) in enumerate(_walk(node, ())):
            if number > _MOST_VALUES:
                raise ValueError(f"holds more than {_MOST_VALUES:,} values: write fewer, or without aliases (*)")
            lines.setdefault(key_path, value.start_mark.line + 1)
            trap = _trap(value)
            if trap:
                problems.append(f"line {value.start_mark.line + 1}: {trap}")
        try:
            data = YAML(typ="safe", pure=True).load(text)
        except ValueError as error:  # a number that Python does not take
            raise ValueError(next(iter(problems), str(error))) from error
    except MarkedYAMLError as error:
        raise ValueError(_explain(error)) from error
    except YAMLError as error:
        raise ValueError(str(error).partition("\n")[0]) from error
    except RecursionError as error:
        raise ValueError("nested too deeply: a few levels are enough") from error
    return YamlFile(data, lines, tuple(problems))


def _walk(node: Node | None, path: KeyPath) -> Iterator[tuple[KeyPath, Node]]:
    """Yield every node with its path, a key before its value: people look for a value where its key stands.

    Raises
    ------
    ValueError
        Naming the line of what is nested too deeply, or is a key and not a text.
    """
    if node is None:
        return
    if len(path) > _DEEPEST:
        raise ValueError(
            f"line {node.start_mark.line + 1}: nested over {_DEEPEST} levels deep, or within itself: a few are enough"
        )
    yield path, node
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise ValueError(f"line {key.start_mark.line + 1}: a key is a list or a mapping, expected text")
            yield (*path, key.value), key
            yield from _walk(value, (*path, key.value))
    elif isinstance(node, SequenceNode):
        for position, value in enumerate(node.value):
            yield from _walk(value, (*path, position))


def _explain(error: MarkedYAMLError) -> str:
    """Say where a file is not YAML, why, and what to do."""
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    problem = (error.problem or error.context or "not YAML").splitlines()[0].partition(" with value ")[0]
    reason = f"{error.context}, {problem}" if problem.startswith("but ") else problem
    remedy = next((f": {remedy}" for part, remedy in _REMEDIES.items() if part in reason), "")
    return f"{where}{reason}{remedy}"


def _trap(node: Node) -> str | None:
    if not isinstance(node, ScalarNode) or node.style is not None:
        return None
    text = str(node.value)
    for pattern, reason, otherwise in _TRAPS:
        if pattern.fullmatch(text):
            remedy = f"write it {otherwise}, or in quotes" if otherwise else "write it in quotes"
            shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
            return f"{shown} is ambiguous ({reason}): {remedy} ('{shown}')"
    return None
