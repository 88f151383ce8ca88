"""Anthropic's Messages."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any

from visavis.observers.question import Picture, Question

from .client import BatchLimits, BatchOutput, Client, Settings, sdk_failure
from .ends import status_of
from .failures import ContentRefused, TemporaryFailure, failure
from .reply import Reply, Usage
from .request_body import Body, Embedded, encode, plain, with_more
from .wire_json import Json

_HTTP_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Of the errors within a batch, which come without one."""


class AnthropicClient(Client):
    """Anthropic's Messages and Message Batches."""

    sdk = "anthropic"
    batch_limits = BatchLimits(requests=100_000, megabytes=256)

    def __init__(self, settings: Settings, key: str, base_url: str | None, timeout_s: float) -> None:
        from anthropic import Anthropic

        super().__init__(settings, key, base_url, timeout_s)
        self._anthropic = Anthropic(api_key=key, base_url=base_url, timeout=timeout_s, max_retries=0)

    def body(self, question: Question, seed: int | None) -> Body:  # noqa: ARG002 - Messages has no seed
        settings = self.settings
        content = [_image(part) if isinstance(part, Picture) else {"type": "text", "text": part}
                   for part in question.parts]  # fmt: skip
        body: Body = {
            "model": settings.model,
            "max_tokens": settings.max_output_tokens,
            "messages": [{"role": "user", "content": content}],
        }
        output: dict[str, Any] = {}
        if question.structured:
            output["format"] = {"type": "json_schema", "schema": question.schema}
        if settings.effort is not None:
            output["effort"] = settings.effort
            if settings.adaptive_thinking:
                body["thinking"] = {"type": "adaptive"}
        if output:
            body["output_config"] = output
        return with_more(body, settings.body)

    def _send(self, body: Body) -> str:
        import httpx2

        # Ready bytes, not `messages.create(**body)`, which would go over every character of the images several times.
        response = self._anthropic.post(
            "/v1/messages",
            cast_to=httpx2.Response,
            content=encode(body),
            options={"headers": {"Content-Type": "application/json"}},
        )
        return response.text

    def _failure(self, error: Exception) -> Exception | None:
        import anthropic

        return sdk_failure(anthropic, error, self.redact_key)

    def read(self, data: Any) -> Reply:
        reply = Json(data)
        stop = reply.text_or_none("stop_reason")
        blocks = list(reply["content"])
        texts = [block.text("text") for block in blocks if block.get("type") == "text"]
        thoughts = [block.text("thinking") for block in blocks if block.get("type") == "thinking"]
        cached = reply.count("usage", "cache_read_input_tokens")
        written = reply.count("usage", "cache_creation_input_tokens")
        usage = None
        if reply.get("usage"):
            read = reply.count("usage", "input_tokens") + cached + written
            usage = Usage(read, reply.count("usage", "output_tokens"), cached=cached)
        return Reply(
            status_of("messages", stop, usage),
            "\n".join(texts),
            thoughts="\n".join(thoughts) or None,
            finish_reason=stop,
            served_model=reply.text_or_none("model"),
            request_id=reply.text_or_none("id"),
            usage=usage,
        )

    def submit_batch(self, requests: Sequence[tuple[str, Body]], mark: str) -> str:  # noqa: ARG002 - batches have none
        items: Any = [{"custom_id": name, "params": plain(body)} for name, body in requests]
        return str(self.guarded(lambda: self._anthropic.messages.batches.create(requests=items)).id)

    def find_batch(self, mark: str, since: datetime, requests: int, known: Collection[str | None]) -> str | None:  # noqa: ARG002 - see above
        # Another one's of the same size does no harm: its answers have other ids, and ours are submitted again.
        def fits(batch: Any) -> bool:
            return sum(vars(batch.request_counts).values()) == requests and batch.id not in known

        def find() -> str | None:
            newest_first = self._anthropic.messages.batches.list(limit=100)
            recent = takewhile(lambda batch: batch.created_at >= since, newest_first)
            return next((str(batch.id) for batch in recent if fits(batch)), None)

        return self.guarded(find)

    def collect_batch(self, batch: str) -> BatchOutput | None:
        if self.guarded(self._anthropic.messages.batches.retrieve, batch).processing_status != "ended":
            return None
        # All of them within `guarded`: they are read while they arrive.
        items = self.guarded(lambda: list(self._anthropic.messages.batches.results(batch)))
        return BatchOutput([(item.custom_id, self._result(item.result)) for item in items])

    def _result(self, result: Any) -> Reply | Exception:
        if result.type == "succeeded":
            return self.result(json.dumps(result.message.to_dict(mode="json")))
        if result.type == "errored":
            error = result.error.error
            failed = failure(_HTTP_STATUS.get(error.type, 500), {}, self.redact_key(str(error.message)))
            return failed.as_reply() if isinstance(failed, ContentRefused) else failed
        return TemporaryFailure(f"the request was {result.type}")

    def close(self) -> None:
        self._anthropic.close()


def _image(picture: Picture) -> dict[str, Any]:
    return {
        "type": "image",
        "source": {"type": "base64", "media_type": picture.media_type, "data": Embedded(picture)},
        # Without this the server shrinks an image that is too large and does not say so.
        "transformations": {"oversized_image": "error"},
    }
