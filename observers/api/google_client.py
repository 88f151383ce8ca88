"""Google's Gemini, by generateContent."""

from __future__ import annotations

import io
import json
import math
import tempfile
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, cast

from visavis.observers.question import Picture, Question

from .batch_lines import read_lines, settled
from .client import BatchLimits, BatchOutput, Client, Settings, connection_failure
from .ends import status_of
from .failures import RequestRefused, TemporaryFailure, WrongShape, failure
from .first_token import TOP_LOGPROBS
from .reply import Reply, Usage
from .request_body import Body, Embedded, encode, plain, with_more
from .wire_json import Json

_HTTP_STATUS = {3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 9: 400, 14: 503, 16: 401}
"""Of the codes of gRPC, by which errors within a batch are reported."""
_OF_THE_REQUEST = frozenset({"safety_settings", "system_instruction", "tools", "tool_config", "cached_content"})
"""What the SDK takes among the settings, and the wire beside them."""
_FINISHED = ("JOB_STATE_SUCCEEDED", "JOB_STATE_PARTIALLY_SUCCEEDED")
_FAILED = ("JOB_STATE_FAILED", "JOB_STATE_CANCELLED", "JOB_STATE_EXPIRED")


class GoogleClient(Client):
    """Gemini's generateContent and its batches."""

    sdk = "google-genai"
    batch_limits = BatchLimits(requests=100_000, megabytes=2000)

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
            said = json.dumps(error.details, ensure_ascii=False, default=str)
            return failure(error.code, headers, self.redact_key(said))
        if isinstance(error, UnknownApiResponseError | json.JSONDecodeError):
            return TemporaryFailure(f"the reply cannot be read: {error}", lost=True)
        if isinstance(error, ValueError):  # the SDK checks a request before it sends it
            return RequestRefused(self.redact_key(str(error))[:500])
        return connection_failure(error)

    def read(self, data: Any) -> Reply:
        reply = Json(data)
        usage = None
        if reply.get("usageMetadata"):
            thought = reply.count("usageMetadata", "thoughtsTokenCount")
            usage = Usage(
                reply.count("usageMetadata", "promptTokenCount"),
                reply.count("usageMetadata", "candidatesTokenCount") + thought,
                thought,
                reply.count("usageMetadata", "cachedContentTokenCount"),
            )
        known: dict[str, Any] = {
            "served_model": reply.text_or_none("modelVersion"),
            "request_id": reply.text_or_none("responseId"),
            "usage": usage,
        }
        blocked = reply.part("promptFeedback").text_or_none("blockReason")
        if blocked:
            return Reply("filtered", "", finish_reason=blocked, **known)
        candidate = reply["candidates"][0]
        finish = candidate.text_or_none("finishReason")
        parts = list(candidate.part("content").items("parts"))
        text = "".join(part.text_or_none("text") or "" for part in parts if not part.get("thought"))
        thoughts = "".join(part.text_or_none("text") or "" for part in parts if part.get("thought"))
        status = status_of("generateContent", finish, usage)
        first = _first_token(candidate.get("logprobsResult"))
        return Reply(status, text, thoughts=thoughts or None, first_token=first, finish_reason=finish, **known)

    def submit_batch(self, requests: Sequence[tuple[str, Body]], mark: str) -> str:
        # A file, whose lines carry a key: of requests within the call itself, answers need not say whose they are.
        with tempfile.TemporaryFile() as file:
            for name, body in requests:
                file.write(encode({"key": name, "request": _as_rest(body)}) + b"\n")
            file.seek(0)
            how: Any = {"mime_type": "jsonl", "display_name": mark}
            uploaded = self.guarded(lambda: self._google.files.upload(file=cast("io.IOBase", file), config=how))
        job = self.guarded(
            lambda: self._google.batches.create(
                model=self.settings.model, src=str(uploaded.name), config={"display_name": mark}
            )
        )
        return str(job.name)

    def find_batch(self, mark: str, since: datetime, requests: int, known: Collection[str | None]) -> str | None:  # noqa: ARG002 - found by its mark
        def find() -> str | None:
            newest_first = self._google.batches.list(config={"page_size": 100})
            recent = takewhile(lambda job: job.create_time is None or job.create_time >= since, newest_first)
            return next((str(job.name) for job in recent if job.display_name == mark), None)

        return self.guarded(find)

    def collect_batch(self, batch: str) -> BatchOutput | None:
        job = self.guarded(lambda: self._google.batches.get(name=batch))
        state = job.state.name if job.state else ""
        if state in _FAILED:
            said = job.error.message if job.error else state
            raise RequestRefused(f"batch {batch} ended as {state}: {self.redact_key(str(said))}")
        if state not in _FINISHED:
            return None
        name = job.dest.file_name if job.dest else None
        if not name:
            return BatchOutput(damaged=["it has no file of answers"])
        content = self.guarded(lambda: self._google.files.download(file=name))
        return read_lines(content.decode().splitlines(), lambda line: (line["key"], self._result(line)))

    def _result(self, line: Any) -> Any:
        if line.get("response"):
            return self.result(json.dumps(line["response"], ensure_ascii=False))
        error: dict[str, Any] = line.get("error") or {"message": "no response"}
        said = self.redact_key(json.dumps(error, ensure_ascii=False))
        return settled(failure(_HTTP_STATUS.get(error.get("code", 13), 500), {}, said))

    def close(self) -> None:
        self._google.close()


def _as_rest(body: Body) -> Body:
    """Return a body in the form of the wire, which the SDK makes of single requests alone."""
    config = dict(body["config"])
    beside = {name: config.pop(name) for name in [*config] if name in _OF_THE_REQUEST}
    return {"contents": body["contents"], "generation_config": config, **beside}


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
