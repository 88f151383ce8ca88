"""What is wrong with a definition, in words: pydantic knows the field, the YAML file the line, the schema the keys."""

from __future__ import annotations

import difflib
from typing import Any

from .yaml_file import KeyPath, YamlFile


def explain(detail: Any, file: YamlFile | None, schema: dict[str, Any]) -> str:
    """Turn one error of pydantic into a line for people: where, what, and the remedy.

    Parameters
    ----------
    detail : dict
        An entry of ``ValidationError.errors()``.
    file : YamlFile or None
        Gives the line, where the definition came from a file.
    schema : dict
        The definition's JSON Schema, which knows every key.
    """
    tags = {"adaptive", "all", "listed", "random"}
    path: KeyPath = tuple(
        part
        for position, part in enumerate(detail["loc"])
        if not (part in tags and position == 1 and detail["loc"][0] == "pairs") and part != "[key]"
    )
    field = ".".join(str(part) for part in path)
    message = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        message = _unknown_key(path, schema)
    elif detail["type"] == "missing":
        message = "this key is missing"
    elif detail["type"] in {"union_tag_not_found", "union_tag_invalid"}:
        message = "'design' must be one of all, listed, random, adaptive"
    elif detail["type"] == "string_type" and isinstance(detail["input"], int | float):
        message = f"{detail['input']!r} is read as a number, text is wanted: write it in quotes"
    elif not isinstance(detail["input"], dict | list):
        message += f", not {detail['input']!r}"
    where = f"line {file.line(path)}: " if file else ""
    return f"{where}{field}: {message}" if field else f"{where}{message}"


def _unknown_key(path: KeyPath, schema: dict[str, Any]) -> str:
    known = _keys_at(schema, path[:-1])
    close = difflib.get_close_matches(str(path[-1]), known, n=1)
    if close:
        return f"unknown key; did you mean '{close[0]}'?"
    return f"unknown key; known here: {', '.join(known)}" if known else "unknown key"


def _keys_at(schema: dict[str, Any], path: KeyPath) -> list[str]:
    """Return the keys that the JSON Schema allows at `path`."""
    nodes = [schema]
    for part in (*path, None):
        options: list[dict[str, Any]] = []
        for node in nodes:
            if "$ref" in node:
                node = schema["$defs"][node["$ref"].rpartition("/")[2]]
            options += [
                schema["$defs"][option["$ref"].rpartition("/")[2]] if "$ref" in option else option
                for option in node.get("anyOf", node.get("oneOf", [node]))
            ]
        if part is None:
            return sorted({key for node in options for key in node.get("properties", {})})
        nodes = [
            child
            for node in options
            for child in (
                node.get("properties", {}).get(part),
                node.get("items"),
                node.get("additionalProperties") or None,
            )
            if isinstance(child, dict)
        ]
    return []
