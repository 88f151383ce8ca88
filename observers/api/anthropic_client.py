"""Anthropic's Messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from visavis.observers.question import Picture, Question

from .client import BatchLimits, BatchResult, Body, Client, Embedded, Settings, plain, sdk_failure
from .reply import Json, Reply, RequestRefused, Status, TemporaryFailure, Usage, WrongShape

_STATUS: dict[Any, Status] = {
    "refusal": "refusal",
    "max_tokens": "truncated",
    "model_context_window_exceeded": "truncated",
}


class AnthropicClient(Client):
    """Anthropic's Messages and Message Batches."""

    sdk = "anthropic"
    batch_limits = BatchLimits(requests=100_000, megabytes=256)

    def __init__(self, settings: Settings, key: str, base_url: str | None, timeout_s: float) -> None:
        from anthropic import Anthropic

        super().__init__(settings, key, base_url, timeout_s)
        self._anthropic = Anthropic(api_key=key, base_url=base_url, timeout=timeout_s, max_retries=0)

    def body(self, question: Question, seed: int | None) -> Body:  # noqa: ARG002 - Messages takes no seed
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
        if output:
            body["output_config"] = output
        return body | dict(settings.body)

    def _send(self, body: Body) -> str:
        return self._anthropic.messages.with_raw_response.create(**plain(body)).http_response.text

    def _failure(self, error: Exception) -> Exception | None:
        import anthropic

        return sdk_failure(anthropic, error)

    def read(self, data: Any) -> Reply:
        reply = Json(data)
        stop = reply.get("stop_reason")
        status = _STATUS.get(stop, "ok")
        blocks = list(reply["content"])
        texts = [block.text("text") for block in blocks if block.get("type") == "text"]
        thoughts = [block.text("thinking") for block in blocks if block.get("type") == "thinking"]
        if status == "ok" and not texts:
            raise WrongShape("the reply holds no text")
        cached = reply.count("usage", "cache_read_input_tokens")
        written = reply.count("usage", "cache_creation_input_tokens")
        return Reply(
            status,
            "\n".join(texts),
            thoughts="\n".join(thoughts) or None,
            finish_reason=stop,
            served_model=reply.get("model"),
            request_id=reply.get("id"),
            usage=Usage(
                reply.count("usage", "input_tokens") + cached + written,
                reply.count("usage", "output_tokens"),
                cached=cached,
            )
            if reply.get("usage")
            else None,
        )

    def submit_batch(self, requests: Sequence[tuple[str, Body]]) -> str:
        items: Any = [{"custom_id": name, "params": plain(body)} for name, body in requests]
        return str(self.guarded(lambda: self._anthropic.messages.batches.create(requests=items)).id)

    def collect_batch(self, batch: str) -> Iterator[BatchResult] | None:
        if self.guarded(self._anthropic.messages.batches.retrieve, batch).processing_status != "ended":
            return None
        return self._results(batch)

    def _results(self, batch: str) -> Iterator[BatchResult]:
        for item in self.guarded(self._anthropic.messages.batches.results, batch):
            result = item.result
            if result.type == "succeeded":
                try:
                    yield item.custom_id, self.read(result.message.to_dict(mode="json"))
                except WrongShape as broken:
                    yield item.custom_id, TemporaryFailure(f"the reply cannot be read ({broken})")
            elif result.type == "errored":
                said = self.without_key(str(result.error.error.message))
                refused = result.error.error.type == "invalid_request_error"
                yield item.custom_id, RequestRefused(said) if refused else TemporaryFailure(said)
            else:
                yield item.custom_id, TemporaryFailure(f"the request was {result.type}")

    def close(self) -> None:
        self._anthropic.close()


def _image(picture: Picture) -> dict[str, Any]:
    return {
        "type": "image",
        "source": {"type": "base64", "media_type": picture.media_type, "data": Embedded(picture)},
        # Without this the server shrinks an image that is too large and does not say so.
        "transformations": {"oversized_image": "error"},
    }
