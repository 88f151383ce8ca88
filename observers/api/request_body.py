"""A request's body: pictures in their places, the user's own fields, and its encoding."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from visavis.experiments import ObserverError
from visavis.observers.question import Picture

Body = dict[str, Any]


@dataclass(frozen=True)
class Embedded:
    """A picture's place in a request's body: its base64, behind a prefix; light until the body is sent."""

    picture: Picture
    prefix: str = ""


def data_url(picture: Picture) -> Embedded:
    """Return the place of a picture that is sent as a ``data:`` URL."""
    return Embedded(picture, f"data:{picture.media_type};base64,")


def plain(value: Any) -> Any:
    """Return a body with its pictures as text, for SDKs that take nothing else."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.prefix + value.picture.base64.decode() if isinstance(value, Embedded) else value


def fingerprint(body: Body) -> str:
    """Return a text that is the same for the same request only, with the pictures' hashes in their places."""

    def hashed(value: Any) -> str:
        return f"{value.prefix}{value.picture.sha256}"

    return json.dumps(body, sort_keys=True, ensure_ascii=False, default=hashed)


def with_more(body: Body, more: Mapping[str, Any], path: str = "") -> Body:
    """Return a request's body with the user's own fields in it.

    Raises
    ------
    ObserverError
        If one of them is there already: a request is decided by the other options and recorded with them.
    """
    merged = dict(body)
    for name, value in more.items():
        there = body.get(name)
        if isinstance(there, dict) and isinstance(value, Mapping):
            merged[name] = with_more(there, value, f"{path}{name}.")
        elif name in body:
            raise ObserverError(f"option body: {path}{name} is set already, by the other options or the definition")
        else:
            merged[name] = value
    return merged


def encode(body: Body) -> bytes:
    """Return a body as JSON, its pictures spliced in.

    A JSON encoder would look at every character of every image, in every request; base64 has none to escape.
    """
    pictures: list[Embedded] = []

    def placed(value: Any) -> str:
        if not isinstance(value, Embedded):
            raise TypeError(f"{type(value).__name__} cannot be written as JSON")
        pictures.append(value)
        return _MARK

    pieces = json.dumps(body, ensure_ascii=False, default=placed).split(_MARK)
    if len(pieces) != len(pictures) + 1:  # the user's own words hold the mark
        return json.dumps(plain(body), ensure_ascii=False).encode()
    joined = [pieces[0].encode()]
    for embedded, piece in zip(pictures, pieces[1:], strict=True):
        joined += [embedded.prefix.encode(), embedded.picture.base64, piece.encode()]
    return b"".join(joined)


_MARK = "\ue000picture\ue000"
