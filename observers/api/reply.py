"""What a provider sent back, in one form for all of them, and what can go wrong on the way.

A failure of the infrastructure is an exception, never a reply: it is retried, or it ends the run, and it is nobody's
answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal

Status = Literal["ok", "refusal", "truncated", "filtered"]


@dataclass(frozen=True)
class Usage:
    """Tokens that a request used, as the provider counted them.

    Attributes
    ----------
    input, output : int
        All tokens read and written; `output` includes `reasoning`, `input` includes `cached`.
    reasoning, cached : int
    """

    input: int = 0
    output: int = 0
    reasoning: int = 0
    cached: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.reasoning + other.reasoning,
            self.cached + other.cached,
        )


@dataclass(frozen=True)
class Reply:
    """A model's reply.

    Attributes
    ----------
    status : {'ok', 'refusal', 'truncated', 'filtered'}
        ``ok`` says only that the reply is whole; whether it is an answer, its reader decides.
    text : str
        What the model wrote for the asker; of a refusal, its words.
    thoughts : str or None
        Reasoning that the provider shows apart from the text.
    first_token : dict or None
        Probability of each token told for the first place, by its text.
    finish_reason, served_model, request_id : str or None
        As the provider calls them.
    usage : Usage or None
        None where the provider did not say.
    """

    status: Status
    text: str
    thoughts: str | None = None
    first_token: Mapping[str, float] | None = None
    finish_reason: str | None = None
    served_model: str | None = None
    request_id: str | None = None
    usage: Usage | None = None


class TemporaryFailure(Exception):
    """Something that a later try may not meet: a rate limit, an overloaded server, a lost connection, a broken body.

    Attributes
    ----------
    retry_after_s : float or None
        How long the server asks to wait.
    throttled : bool
        Whether the server asked for fewer requests.
    lost : bool
        Whether a reply may have been written, and charged for, that never arrived or cannot be read.
    """

    def __init__(
        self, message: str, *, retry_after_s: float | None = None, throttled: bool = False, lost: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.throttled = throttled
        self.lost = lost


class Unreachable(TemporaryFailure):
    """No connection could be made: the address is wrong, or no server runs there."""


class RequestRefused(Exception):
    """The server will not take this request; the same request again would meet the same."""


class ContentRefused(RequestRefused):
    """The provider's filter will not take what is shown or asked."""

    def as_reply(self) -> Reply:
        """Return the reply that it amounts to: the provider's own doing, which a resume does not ask again."""
        return Reply("filtered", str(self), finish_reason="refused before it was asked")


class AccessRefused(Exception):
    """No request will be taken: a bad key, no credit, no such model."""


class WrongShape(Exception):
    """A body that is not what the provider documents; turned into a `TemporaryFailure`."""


RETRIED = frozenset({408, 409, 425, 429, *range(500, 600)})
_THROTTLED = frozenset({429, 503, 529})
_NO_CREDIT = "the account has no credit"
_BAD_KEY = "the key is not accepted"
_NO_MODEL = "there is no such model or address"
_NO_ACCESS = {401: _BAD_KEY, 402: _NO_CREDIT, 403: "the key may not use this model", 404: _NO_MODEL}
# What providers say under another status: Google and xAI answer 400 to a bad key, OpenAI may to a missing model, and
# 429 to an empty account.
_SIGNS = {
    "insufficient_quota": _NO_CREDIT,
    "billing_hard_limit": _NO_CREDIT,
    "credit balance is too low": _NO_CREDIT,
    "valid API key": _BAD_KEY,
    "Incorrect API key": _BAD_KEY,
    "model_not_found": _NO_MODEL,
}
_FILTERED = (
    "content_filter",
    "content_policy_violation",
    "moderation_blocked",
    "data_inspection_failed",
    "violates usage guidelines",
)


def failure(status: int, headers: Mapping[str, str], message: str) -> Exception:
    """Return the exception for an HTTP status that is no success.

    Parameters
    ----------
    status : int
    headers : mapping
        ``retry-after-ms`` is read, or ``retry-after`` in seconds or as a date.
    message : str
        What the server said. Google's ``retryDelay`` in it is read where no header tells how long to wait.
    """
    said = f"HTTP {status}: {message.strip()[:500] or 'no message'}"
    for sign, meaning in _SIGNS.items():
        if sign in message:
            return AccessRefused(f"{meaning} ({said})")
    if status in RETRIED:
        told = _retry_after(headers)
        delay = re.search(r'"retryDelay": *"([0-9.]+)s"', message) if told is None else None
        return TemporaryFailure(said, retry_after_s=float(delay[1]) if delay else told, throttled=status in _THROTTLED)
    if any(sign in message for sign in _FILTERED):
        return ContentRefused(said)
    if status in _NO_ACCESS:
        return AccessRefused(f"{_NO_ACCESS[status]} ({said})")
    return RequestRefused(said)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit)
        except (KeyError, ValueError):
            continue
    try:
        until = parsedate_to_datetime(headers["retry-after"])
        return max(0.0, (until - datetime.now(until.tzinfo)).total_seconds())
    except (KeyError, ValueError):
        return None


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
            raise WrongShape(f"{self.path} is no {'list' if isinstance(key, int) else 'object'}")
        try:
            return Json(self.data[key], f"{self.path}.{key}")
        except (KeyError, IndexError):
            raise WrongShape(f"{self.path} has no {key!r}") from None

    def __iter__(self) -> Iterator[Json]:
        if not isinstance(self.data, list):
            raise WrongShape(f"{self.path} is no list")
        return (Json(item, f"{self.path}.{i}") for i, item in enumerate(self.data))

    def get(self, key: str) -> Any:
        """Return what an object has under `key`, or None."""
        if not isinstance(self.data, dict):
            raise WrongShape(f"{self.path} is no object")
        return self.data.get(key)

    def text(self, key: str) -> str:
        """Return the text under `key`."""
        value = self.text_or_none(key)
        if value is None:
            raise WrongShape(f"{self.path}.{key} is no text")
        return value

    def text_or_none(self, key: str) -> str | None:
        """Return the text under `key`; None where it is missing or null."""
        value = self.get(key)
        if value is not None and not isinstance(value, str):
            raise WrongShape(f"{self.path}.{key} is no text")
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
