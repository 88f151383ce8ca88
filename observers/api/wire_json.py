"""Decoded JSON that says where it is not as documented."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .failures import WrongShape


@dataclass(frozen=True)
class Json:
    """Decoded JSON that says where it is not as documented.

    ``Json(data)["choices"][0]["message"].get("content", str)`` raises `WrongShape` naming the path.
    """

    data: Any
    path: str = "the reply"

    def __getitem__(self, key: str | int) -> Json:
        fits = isinstance(self.data, list if isinstance(key, int) else dict)
        if not fits:
            raise WrongShape(f"{self.path} is not {'a list' if isinstance(key, int) else 'an object'}")
        try:
            return Json(self.data[key], f"{self.path}.{key}")
        except (KeyError, IndexError):
            raise WrongShape(f"{self.path} has no {key!r}") from None

    def __iter__(self) -> Iterator[Json]:
        if not isinstance(self.data, list):
            raise WrongShape(f"{self.path} is not a list")
        return (Json(item, f"{self.path}.{i}") for i, item in enumerate(self.data))

    def get(self, key: str) -> Any:
        """Return what an object has under `key`, or None."""
        if not isinstance(self.data, dict):
            raise WrongShape(f"{self.path} is not an object")
        return self.data.get(key)

    def text(self, key: str) -> str:
        """Return the text under `key`."""
        value = self.text_or_none(key)
        if value is None:
            raise WrongShape(f"{self.path}.{key} is not a text")
        return value

    def text_or_none(self, key: str) -> str | None:
        """Return the text under `key`; None where it is missing or null."""
        value = self.get(key)
        if value is not None and not isinstance(value, str):
            raise WrongShape(f"{self.path}.{key} is not a text")
        return value

    def part(self, key: str) -> Json:
        """Return the object under `key`; an empty one where it is missing or null."""
        return Json(self.get(key) or {}, f"{self.path}.{key}")

    def items(self, key: str) -> Iterator[Json]:
        """Go over the list under `key`; an empty one where it is missing or null."""
        return iter(Json(self.get(key) or [], f"{self.path}.{key}"))

    def count(self, *keys: str) -> int:
        """Return a number below nested keys; 0 where it is missing."""
        value = self.data
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, int) and not isinstance(value, bool) else 0
