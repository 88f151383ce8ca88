"""What is wrong with a definition, in words: pydantic knows the field, the YAML file the line, the schema the keys."""

from __future__ import annotations

from typing import Any

from visavis.base.near import did_you_mean

from .yaml_file import KeyPath, YamlFile

_EXPECTED = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
}
_SHOWN = 80
_TAKES_KEYS = {"dict_type", "model_type", "model_attributes_type"}


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
    line = file.line(path) if file else None
    message = say_wrong(detail, path, schema)
    return "".join((f"line {line}: " if line else "", f"{field}: " if field else "", message))


def say_wrong(detail: Any, path: KeyPath, schema: dict[str, Any]) -> str:
    """Say what is wrong at `path`, and the remedy; parameters as of `explain`."""
    kind, given, limits = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(path, schema)
    if kind == "missing":
        *inside, name = path
        where = f"below {'.'.join(map(str, inside))}, indented" if inside else "to the file, not indented"
        return f"this key is missing: add '{name}: …' {where}"
    if kind in {"union_tag_not_found", "union_tag_invalid"}:
        return "'design' must be one of all, listed, random, adaptive"
    if kind == "string_type" and isinstance(given, int | float):
        return f"{shortened(given)} is read as a number, expected text: write it in quotes"
    if kind == "too_short":
        return f"expected at least {limits['min_length']}, got {limits['actual_length']}"
    if kind == "too_long":
        return f"expected at most {limits['max_length']}, got {limits['actual_length']}"
    if kind in _TAKES_KEYS:
        keys = _keys_at(schema, path)
        message = f"expected {'the keys ' if keys else 'keys and values'}{', '.join(keys)}"
    elif kind in _EXPECTED:
        message = f"expected {_EXPECTED[kind]}"
    else:
        message = str(detail["msg"]).removeprefix("Value error, ").replace("Input should", "must")
    if given is None:
        return f"{message}, got nothing"
    return message if isinstance(given, dict | list) else f"{message}, got {shortened(given)}"


def shortened(value: object) -> str:
    """Return how a value is written in a message: long ones by their beginning."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def _unknown_key(path: KeyPath, schema: dict[str, Any]) -> str:
    known = _keys_at(schema, path[:-1])
    return f"unknown key: {did_you_mean(path[-1], known)}" if known else "unknown key"


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
