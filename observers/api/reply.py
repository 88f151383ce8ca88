"""What a provider sent back, in one form for all of them, and what can go wrong on the way.

A failure of the infrastructure is an exception, never a reply: it is retried, or it ends the run, and it is nobody's
answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None, throttled: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.throttled = throttled


class RequestRefused(Exception):
    """The server will not take this request; the same request again would meet the same."""


class AccessRefused(Exception):
    """No request will be taken: a bad key, no credit, no such model."""


class WrongShape(Exception):
    """A body that is not what the provider documents; turned into a `TemporaryFailure`."""


RETRIED = frozenset({408, 409, 425, 429, *range(500, 600)})
_THROTTLED = frozenset({429, 503, 529})
_NO_ACCESS = {
    401: "the key is not accepted",
    402: "the account has no credit",
    403: "the key may not use this model",
    404: "there is no such model or address",
}
_EXHAUSTED = ("insufficient_quota", "billing_hard_limit", "credit balance is too low")


def failure(status: int, headers: Mapping[str, str], message: str) -> Exception:
    """Return the exception for an HTTP status that is no success.

    Parameters
    ----------
    status : int
    headers : mapping
        ``retry-after`` in seconds (or ``retry-after-ms``) is read; a date is not.
    message : str
        What the server said.
    """
    said = f"HTTP {status}: {message.strip()[:500] or 'no message'}"
    if any(sign in message for sign in _EXHAUSTED):
        return AccessRefused(f"the account has no credit ({said})")
    if status in RETRIED:
        return TemporaryFailure(said, retry_after_s=_retry_after(headers), throttled=status in _THROTTLED)
    if status in _NO_ACCESS:
        return AccessRefused(f"{_NO_ACCESS[status]} ({said})")
    return RequestRefused(said)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * unit)
        except (KeyError, ValueError):
            continue
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

    def __iter__(self) -> Any:
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
        value = self.get(key)
        if not isinstance(value, str):
            raise WrongShape(f"{self.path}.{key} is no text")
        return value

    def count(self, *keys: str) -> int:
        """Return a number below nested keys; 0 where it is missing."""
        value = self.data
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, int) and not isinstance(value, bool) else 0
