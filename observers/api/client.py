"""One provider's wire format: a question in, a request's body out; a body in, a `Reply` out.

Clients send through the provider's own SDK, its retries off: what to do about a failure is decided in one place, for
all of them. They take the SDK's raw response and read its JSON themselves, so that a broken body is noticed and read
alike everywhere, and so that a batch's results are read by the same lines.
"""

from __future__ import annotations

import abc
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from visavis.observers.question import Question

from .failures import (
    AccessRefused,
    ContentRefused,
    RequestRefused,
    TemporaryFailure,
    Unreachable,
    WrongShape,
    failure,
)
from .reply import Reply
from .request_body import Body


@dataclass(frozen=True)
class Settings:
    """What is asked of a model beside the question.

    Attributes
    ----------
    model : str
    max_output_tokens : int
    temperature : float or None
    effort : str or None
        Reasoning effort.
    logprobs : bool
        Whether the probabilities of the first token are asked for.
    detail : str or None
        The provider's word for how closely images are looked at.
    body : mapping
        More fields of the request's body.
    output_limit_field : str
        Of Chat Completions: the field for `max_output_tokens`; ``none`` sends no limit.
    adaptive_thinking : bool
        Whether thinking has to be switched on where an effort is given.
    """

    model: str
    max_output_tokens: int
    temperature: float | None = None
    effort: str | None = None
    logprobs: bool = False
    detail: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    output_limit_field: str = "max_tokens"
    adaptive_thinking: bool = False


@dataclass(frozen=True)
class BatchLimits:
    """What one batch may hold."""

    requests: int
    megabytes: int


SHORTEST_KEY = 8
"""Keys of fewer characters are dummies of local servers; to redact them would change answers and numbers."""

_Result = TypeVar("_Result")

BatchResult = tuple[str, Reply | Exception]
"""A request's id, and its reply or what went wrong."""


@dataclass
class BatchOutput:
    """What a batch brought.

    Attributes
    ----------
    results : list
        By request id, in any order.
    damaged : list of str
        What of it cannot be read.
    """

    results: list[BatchResult] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


class Client(abc.ABC):
    """A provider's SDK, ready to send.

    Parameters
    ----------
    settings : Settings
    key : str
        From the environment; appears in no message.
    base_url : str or None
    timeout_s : float
    """

    sdk: ClassVar[str]
    batch_limits: ClassVar[BatchLimits | None] = None

    def __init__(self, settings: Settings, key: str, base_url: str | None, timeout_s: float) -> None:  # noqa: ARG002 - for the SDKs
        self.settings = settings
        self._key = key

    @abc.abstractmethod
    def body(self, question: Question, seed: int | None) -> Body:
        """Return the body of a request, as the provider documents it."""

    @abc.abstractmethod
    def read(self, data: Any) -> Reply:
        """Read the decoded body of a response.

        Raises
        ------
        WrongShape
            If it is not what the provider documents.
        """

    @abc.abstractmethod
    def _send(self, body: Body) -> str:
        """Send a request through the SDK and return the response's body; raises the SDK's errors."""

    @abc.abstractmethod
    def _failure(self, error: Exception) -> Exception | None:
        """Turn an error of the SDK into one of `visavis.observers.api.failures`; None for others."""

    def submit_batch(self, requests: Sequence[tuple[str, Body]], mark: str) -> str:
        """Submit requests with their ids as one batch, marked where the provider can; return the batch's id."""
        raise NotImplementedError

    def find_batch(self, mark: str, since: datetime, requests: int, known: Collection[str | None]) -> str | None:
        """Return the id of a batch that was submitted, by its mark or else by its time and size; None if not found.

        Parameters
        ----------
        mark : str
        since : datetime
            When it was submitted, in UTC.
        requests : int
            How many it holds.
        known : collection of str
            Ids of batches that it cannot be.
        """
        raise NotImplementedError

    def collect_batch(self, batch: str) -> BatchOutput | None:
        """Return what a batch brought, or None while it is in progress."""
        raise NotImplementedError

    def close(self) -> None:  # noqa: B027 - not every SDK holds connections
        """Close connections; requests that are under way fail."""

    def ask(self, body: Body) -> Reply:
        """Send a request and read the reply.

        Raises
        ------
        TemporaryFailure, RequestRefused, AccessRefused
        """
        try:
            return self.parse(self.guarded(self._send, body))
        except ContentRefused as refused:
            return refused.as_reply()

    def result(self, text: str) -> Reply | Exception:
        """Read one response of a batch; what cannot be read is returned, since the others can."""
        try:
            return self.parse(text)
        except ContentRefused as refused:
            return refused.as_reply()
        except (TemporaryFailure, RequestRefused, AccessRefused) as failed:
            return failed

    def parse(self, text: str) -> Reply:
        """Read a response's body as it came; whatever cannot be read is a `TemporaryFailure`."""
        try:
            return self.read(self._redacted(json.loads(text)))
        except (ValueError, RecursionError, WrongShape) as error:
            shown = re.sub(r"\s+", " ", self.redact_key(text))[:200]  # redacted before it is cut: no part stays either
            raise TemporaryFailure(self.redact_key(f"the reply cannot be read ({error}): {shown}"), lost=True) from None

    def guarded(self, call: Callable[..., _Result], *arguments: Any) -> _Result:
        """Call the SDK, its errors turned into ours."""
        try:
            return call(*arguments)
        except Exception as error:
            found = self._failure(error)
            if found is None:
                raise
            # Not chained: the SDK's error holds the request, and with it the key.
            found.args = tuple(self.redact_key(str(argument)) for argument in found.args)
            raise found from None

    def redact_key(self, text: str) -> str:
        """Return `text` with the key redacted, unless it is a dummy such as 'token' or 'A'."""
        return text.replace(self._key, "[key]") if len(self._key) >= SHORTEST_KEY else text

    def _redacted(self, value: Any) -> Any:
        """Return decoded JSON with the key redacted in its texts: numbers, names and structure stay as they are."""
        if isinstance(value, str):
            return self.redact_key(value)
        if isinstance(value, list):
            return [self._redacted(item) for item in value]
        if isinstance(value, dict):
            return {name: self._redacted(item) for name, item in value.items()}
        return value


def sdk_failure(sdk: Any, error: Exception, redact: Callable[[str], str]) -> Exception | None:
    """Translate an error of OpenAI's or Anthropic's SDK, which name theirs alike; None for errors of other kinds."""
    if isinstance(error, sdk.APIStatusError):
        return failure(error.status_code, error.response.headers, redact(error.response.text))
    if isinstance(error, sdk.APIConnectionError):
        return connection_failure(error.__cause__) or TemporaryFailure(f"the connection failed: {error}", lost=True)
    return None


def connection_failure(error: BaseException | None) -> TemporaryFailure | None:
    """Translate an error of the HTTP client that all SDKs use; None for errors of other kinds."""
    import httpx2

    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.UnsupportedProtocol):
        return Unreachable(f"no connection: {str(error) or type(error).__name__}")
    if isinstance(error, httpx2.TimeoutException):
        return TemporaryFailure("the server did not answer in time", lost=True)
    if isinstance(error, httpx2.HTTPError):
        return TemporaryFailure(f"the connection failed: {type(error).__name__}: {error}", lost=True)
    return None
