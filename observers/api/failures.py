"""What can go wrong on the way to a reply.

A failure of the infrastructure is an exception, never a reply: it is retried, or it ends the run, and it is not an
answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from .content_refusals import is_content_refusal
from .reply import Reply, Usage


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
    usage : Usage or None
        What a reply took that did arrive, and is not one that can be read.
    """

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        throttled: bool = False,
        lost: bool = False,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.throttled = throttled
        self.lost = lost
        self.usage = usage


class BrokenOff(TemporaryFailure):
    """A reply that ended in a way that is not known to be a good one; it is paid for, so it is asked once more only."""

    def __init__(self, message: str, *, usage: Usage | None) -> None:
        super().__init__(message, lost=usage is None, usage=usage)


class Unreachable(TemporaryFailure):
    """No connection could be made: the address is wrong, or no server runs there."""


class RequestRefused(Exception):
    """The server will not accept this request; the same request again would be refused again."""


class ContentRefused(RequestRefused):
    """The provider's filter refuses what is shown or asked."""

    def as_reply(self) -> Reply:
        """Return the reply that it amounts to: the provider's own doing, which a resume does not ask again."""
        return Reply("filtered", str(self), finish_reason="refused before it was asked")


class AccessRefused(Exception):
    """No request will be accepted: a bad key, no credit, no such model."""


class Forbidden(AccessRefused):
    """HTTP 403 without a known reason: of the key, or, where others were accepted, of this one request."""


class WrongShape(Exception):
    """A body that is not what the provider documents; turned into a `TemporaryFailure`."""


RETRIED = frozenset({408, 409, 425, 429, *range(500, 600)})
_THROTTLED = frozenset({429, 503, 529})
_NO_CREDIT = "the account has no credit"
_BAD_KEY = "the key is not accepted"
_NO_MODEL = "the model or address does not exist"
_NO_QUOTA = "the account has no quota for this model"
_DAILY_QUOTA = "the quota of a day is used up: run the same command again later, or have the provider raise it"
_NO_ACCESS = {401: _BAD_KEY, 402: _NO_CREDIT, 404: _NO_MODEL}
_SIGNS = {
    "insufficient_quota": _NO_CREDIT,
    "billing_hard_limit": _NO_CREDIT,
    "credit balance is too low": _NO_CREDIT,
    "valid API key": _BAD_KEY,
    "Incorrect API key": _BAD_KEY,
    "model_not_found": _NO_MODEL,
}
"""What providers say under another status: Google and xAI answer 400 to a bad key, OpenAI may to a missing model, and
429 to an empty account."""
_DAY = re.compile(r"per[\s_-]?day|daily (limit|quota)|\bRPD\b|\bTPD\b", re.IGNORECASE)
_MINUTE = re.compile(r"per[\s_-]?minute|\bRPM\b|\bTPM\b", re.IGNORECASE)
_TOO_LONG = re.compile(r"context[\s_]*(length|window)|max_(completion_|output_)?tokens|too many tokens", re.IGNORECASE)
"""An output limit that, with the question, is more than the model's context."""


def failure(status: int, headers: Mapping[str, str], message: str) -> Exception:
    """Return the exception for an HTTP status other than success.

    Parameters
    ----------
    status : int
    headers : mapping
        ``retry-after-ms`` is read, or ``retry-after`` in seconds or as a date.
    message : str
        What the server said. Google's ``retryDelay`` in it is read where no header says how long to wait.
    """
    said = f"HTTP {status}: {message.strip()[:500] or 'no message'}"
    if is_content_refusal(status, message):
        return ContentRefused(said)
    for sign, meaning in _SIGNS.items():
        if sign in message:
            return AccessRefused(f"{meaning} ({said})")
    if status == 429:
        if re.search(r"\blimit: 0\b", message):  # Google's free tier, for models that it does not include
            return AccessRefused(f"{_NO_QUOTA} ({said})")
        if _DAY.search(message) and not _MINUTE.search(message):
            return AccessRefused(f"{_DAILY_QUOTA} ({said})")
    if status in RETRIED:
        wait = _retry_after(headers)
        delay = re.search(r'"retryDelay": *"([0-9.]+)s"', message) if wait is None else None
        return TemporaryFailure(said, retry_after_s=float(delay[1]) if delay else wait, throttled=status in _THROTTLED)
    if status in _NO_ACCESS:
        return AccessRefused(f"{_NO_ACCESS[status]} ({said})")
    if status == 403:
        return Forbidden(f"the key may not use this model ({said})")
    if status in (400, 413, 422) and _TOO_LONG.search(message):
        return RequestRefused(f"{said}: if the reply's limit is too large for this model, lower --max-output-tokens")
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
