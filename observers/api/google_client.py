"""Google's Gemini, by generateContent."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any

from visavis.observers.question import Picture, Question

from .client import BatchLimits, BatchResult, Client, Settings, connection_failure
from .failures import RequestRefused, TemporaryFailure, WrongShape, failure
from .first_token import TOP_LOGPROBS
from .reply import Reply, Status, Usage
from .request_body import Body, Embedded, plain, with_more
from .wire_json import Json

_FILTERS = frozenset(
    {"SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION",
     "IMAGE_RECITATION", "MODEL_ARMOR", "LANGUAGE"}
)  # fmt: skip
_FINISHED = ("JOB_STATE_SUCCEEDED", "JOB_STATE_PARTIALLY_SUCCEEDED")
_FAILED = ("JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED")


class GoogleClient(Client):
    """Gemini's generateContent and its batches."""

    sdk = "google-genai"
    batch_limits = BatchLimits(requests=10_000, megabytes=20)  # inline; a file would take more

    def __init__(self, settings: Settings, key: str, base_url: str | None, timeout_s: float) -> None:
        from google import genai
        from google.genai import types

        super().__init__(settings, key, base_url, timeout_s)
        options = types.HttpOptions(
            base_url=base_url,
            api_version="v1beta",
            timeout=round(1000 * timeout_s),
            retry_options=types.HttpRetryOptions(attempts=1),
        )
        # The environment must not turn this into another service, Google Cloud's.
        self._google = genai.Client(api_key=key, http_options=options, enterprise=False)

    def body(self, question: Question, seed: int | None) -> Body:
        settings = self.settings
        config: dict[str, Any] = {"max_output_tokens": settings.max_output_tokens}
        if question.structured:
            config |= {"response_mime_type": "application/json", "response_json_schema": question.schema}
        if settings.temperature is not None:
            config["temperature"] = settings.temperature
        if settings.effort is not None:
            config["thinking_config"] = {"thinking_level": settings.effort.upper(), "include_thoughts": True}
        if seed is not None:
            config["seed"] = seed
        if settings.logprobs:
            config |= {"response_logprobs": True, "logprobs": TOP_LOGPROBS}
        if settings.detail is not None:
            config["media_resolution"] = f"MEDIA_RESOLUTION_{settings.detail.upper()}"
        parts = [
            {"inline_data": {"mime_type": part.media_type, "data": Embedded(part)}}
            if isinstance(part, Picture)
            else {"text": part}
            for part in question.parts
        ]
        return {
            "model": settings.model,
            "contents": [{"role": "user", "parts": parts}],
            "config": with_more(config, settings.body),
        }

    def _send(self, body: Body) -> str:
        raw = {**plain(body), "config": {**body["config"], "should_return_http_response": True}}
        response = self._google.models.generate_content(**raw)
        return (response.sdk_http_response and response.sdk_http_response.body) or ""

    def _failure(self, error: Exception) -> Exception | None:
        from google.genai.errors import APIError, UnknownApiResponseError

        if isinstance(error, APIError):
            headers = getattr(error.response, "headers", None) or {}
            return failure(error.code, headers, json.dumps(error.details, ensure_ascii=False, default=str))
        if isinstance(error, UnknownApiResponseError | json.JSONDecodeError):
            return TemporaryFailure(f"the reply cannot be read: {error}", lost=True)
        if isinstance(error, ValueError):  # the SDK checks a request before it sends it
            return RequestRefused(str(error)[:500])
        return connection_failure(error)

    def read(self, data: Any) -> Reply:
        reply = Json(data)
        usage = Usage(
            reply.count("usageMetadata", "promptTokenCount"),
            reply.count("usageMetadata", "candidatesTokenCount") + reply.count("usageMetadata", "thoughtsTokenCount"),
            reply.count("usageMetadata", "thoughtsTokenCount"),
            reply.count("usageMetadata", "cachedContentTokenCount"),
        )
        known: dict[str, Any] = {
            "served_model": reply.text_or_none("modelVersion"),
            "request_id": reply.text_or_none("responseId"),
            "usage": usage if reply.get("usageMetadata") else None,
        }
        blocked = reply.part("promptFeedback").text_or_none("blockReason")
        if blocked:
            return Reply("filtered", "", finish_reason=blocked, **known)
        candidate = reply["candidates"][0]
        finish = candidate.text_or_none("finishReason")
        parts = list(candidate.part("content").items("parts"))
        text = "".join(part.text("text") for part in parts if not part.get("thought"))
        thoughts = "".join(part.text("text") for part in parts if part.get("thought"))
        status: Status = "ok"
        if finish in _FILTERS:
            status = "filtered"
        elif finish == "MAX_TOKENS":
            status = "truncated"
        elif finish != "STOP" or not text:
            raise WrongShape(f"the reply ended with {finish} and holds {len(text)} characters")
        first = _first_token(candidate.get("logprobsResult"))
        return Reply(status, text, thoughts=thoughts or None, first_token=first, finish_reason=finish, **known)

    def submit_batch(self, requests: Sequence[tuple[str, Body]], mark: str) -> str:
        items: Any = [
            {"contents": plain(body["contents"]), "config": body["config"], "metadata": {"key": name}}
            for name, body in requests
        ]
        job = self.guarded(
            lambda: self._google.batches.create(model=self.settings.model, src=items, config={"display_name": mark})
        )
        return str(job.name)

    def find_batch(self, mark: str, since: datetime, requests: int, known: Collection[str | None]) -> str | None:  # noqa: ARG002 - found by its mark
        def find() -> str | None:
            newest_first = self._google.batches.list(config={"page_size": 100})
            recent = takewhile(lambda job: job.create_time is None or job.create_time >= since, newest_first)
            return next((str(job.name) for job in recent if job.display_name == mark), None)

        return self.guarded(find)

    def collect_batch(self, batch: str) -> Sequence[BatchResult] | None:
        job = self.guarded(lambda: self._google.batches.get(name=batch))
        state = job.state.name if job.state else ""
        if state in _FAILED:
            said = job.error.message if job.error else state
            raise RequestRefused(f"batch {batch} ended as {state}: {said}")
        if state not in _FINISHED:
            return None
        items: Any = (job.dest and job.dest.inlined_responses) or []
        return [(item.metadata["key"], self._result(item)) for item in items]

    def _result(self, item: Any) -> Reply | Exception:
        if item.error is not None:
            return TemporaryFailure(self.redact_key(str(item.error.message)))
        return self.result(item.response.model_dump_json(by_alias=True, exclude_none=True))

    def close(self) -> None:
        self._google.close()


def _first_token(logprobs: Any) -> dict[str, float] | None:
    if not logprobs:
        return None
    first = Json(logprobs, "logprobsResult")["topCandidates"][0]
    tokens: dict[str, float] = {}
    for candidate in first["candidates"]:
        logprob = candidate.get("logProbability")
        if not isinstance(logprob, int | float):
            raise WrongShape(f"{candidate.path}.logProbability is not a number")
        text = candidate.text("token")
        tokens[text] = tokens.get(text, 0.0) + math.exp(logprob)
    return tokens
