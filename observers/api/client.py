"""One provider's wire format: a question in, a request's body out; a body in, a `Reply` out.

Clients send through the provider's own SDK, its retries off: what to do about a failure is decided in one place, for
all of them. They take the SDK's raw response and read its JSON themselves, so that a broken body is noticed and read
alike everywhere, and so that a batch's results are read by the same lines.
"""

from __future__ import annotations

import abc
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from visavis.observers.question import Picture, Question

from .reply import Reply, TemporaryFailure, WrongShape, failure


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
    """

    model: str
    max_output_tokens: int
    temperature: float | None = None
    effort: str | None = None
    logprobs: bool = False
    detail: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BatchLimits:
    """What one batch may hold."""

    requests: int
    megabytes: int


Body = dict[str, Any]
BatchResult = tuple[str, Reply | Exception]


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
        """Turn an error of the SDK into one of `visavis.observers.api.reply`; None for errors that are not its own."""

    def submit_batch(self, requests: Sequence[tuple[str, Body]]) -> str:
        """Hand in requests with their ids as one batch; return the batch's id."""
        raise NotImplementedError

    def collect_batch(self, batch: str) -> Iterator[BatchResult] | None:
        """Return a batch's results by request id, in any order, or None while it is being worked on."""
        raise NotImplementedError

    def close(self) -> None:  # noqa: B027 - not every SDK holds connections
        """Close connections; requests that are under way fail."""

    def ask(self, body: Body) -> Reply:
        """Send a request and read the reply.

        Raises
        ------
        TemporaryFailure, RequestRefused, AccessRefused
        """
        return self.parse(self.guarded(self._send, body))

    def parse(self, text: str) -> Reply:
        """Read a response's body as it came; whatever cannot be read is a `TemporaryFailure`."""
        try:
            return self.read(json.loads(text))
        except (ValueError, WrongShape) as error:
            shown = self.without_key(re.sub(r"\s+", " ", text)[:200])
            raise TemporaryFailure(f"the reply cannot be read ({error}): {shown}") from None

    def guarded(self, call: Any, *arguments: Any) -> Any:
        """Call the SDK, its errors turned into ours."""
        try:
            return call(*arguments)
        except Exception as error:
            found = self._failure(error)
            if found is None:
                raise
            # Not chained: the SDK's error holds the request, and with it the key.
            found.args = tuple(self.without_key(str(argument)) for argument in found.args)
            raise found from None

    def without_key(self, text: str) -> str:
        """Return `text` with the key blotted out."""
        return text.replace(self._key, "[key]") if self._key else text


def sdk_failure(sdk: Any, error: Exception) -> Exception | None:
    """Translate an error of OpenAI's or Anthropic's SDK, which name theirs alike; None for errors of other kinds."""
    if isinstance(error, sdk.APIStatusError):
        return failure(error.status_code, error.response.headers, error.response.text)
    if isinstance(error, sdk.APITimeoutError):
        return TemporaryFailure("the server did not answer in time")
    if isinstance(error, sdk.APIConnectionError):
        return TemporaryFailure(f"no connection: {error.__cause__ or error}")
    return None


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


def encode(body: Body) -> bytes:
    """Return a body as JSON, its pictures spliced in.

    A JSON encoder would look at every character of every image, in every request; base64 has none to escape.
    """
    pictures: list[Embedded] = []

    def placed(value: Any) -> str:
        if not isinstance(value, Embedded):
            raise TypeError(f"{type(value).__name__} is no JSON")
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
