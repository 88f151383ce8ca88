"""OpenAI's Responses and Chat Completions; the latter is what servers of open models and xAI speak too."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, ClassVar

from visavis.observers.question import Picture, Question

from .client import BatchLimits, BatchResult, Body, Client, Settings, data_url, encode, sdk_failure, with_more
from .reply import ContentRefused, Json, Reply, RequestRefused, Status, TemporaryFailure, Usage, WrongShape, failure

_TOP_LOGPROBS = 20
_MARK = "visavis"


class _OpenAIClient(Client):
    sdk = "openai"
    batch_limits = BatchLimits(requests=50_000, megabytes=200)
    path: ClassVar[str]

    @property
    def batch_url(self) -> str:
        """Where a batch's requests go."""
        return f"/v1{self.path}"

    def __init__(self, settings: Settings, key: str, base_url: str | None, timeout_s: float) -> None:
        from openai import OpenAI

        super().__init__(settings, key, base_url, timeout_s)
        self._openai = OpenAI(api_key=key or "none", base_url=base_url, timeout=timeout_s, max_retries=0)

    def _send(self, body: Body) -> str:
        import httpx2

        # Ready bytes, not `create(**body)`, which would go over every character of the images several times.
        response = self._openai.post(
            self.path,
            cast_to=httpx2.Response,
            content=encode(body),
            options={"headers": {"Content-Type": "application/json"}},
        )
        return response.text

    def _failure(self, error: Exception) -> Exception | None:
        import openai

        return sdk_failure(openai, error)

    def submit_batch(self, requests: Sequence[tuple[str, Body]], mark: str) -> str:
        file = io.BytesIO(batch_lines(requests, self.batch_url))
        uploaded = self.guarded(lambda: self._openai.files.create(file=("requests.jsonl", file), purpose="batch"))
        endpoint: Any = self.batch_url
        batch = self.guarded(
            lambda: self._openai.batches.create(
                input_file_id=uploaded.id, endpoint=endpoint, completion_window="24h", metadata={_MARK: mark}
            )
        )
        return str(batch.id)

    def find_batch(self, mark: str, since: datetime, requests: int, known: Collection[str]) -> str | None:  # noqa: ARG002 - the mark tells
        def find() -> str | None:
            newest_first = self._openai.batches.list(limit=100)
            recent = takewhile(lambda batch: batch.created_at >= since.timestamp(), newest_first)
            return next((str(batch.id) for batch in recent if (batch.metadata or {}).get(_MARK) == mark), None)

        return self.guarded(find)

    def collect_batch(self, batch: str) -> Sequence[BatchResult] | None:
        state = self.guarded(self._openai.batches.retrieve, batch)
        if state.status in ("validating", "in_progress", "finalizing", "cancelling"):
            return None
        if state.status == "failed":
            said = "; ".join(str(error.message) for error in (state.errors.data if state.errors else None) or [])
            raise RequestRefused(f"batch {batch} failed: {said or 'no reason given'}")
        files = [file for file in (state.output_file_id, state.error_file_id) if file]
        lines = (line for file in files for line in self.guarded(self._openai.files.content, file).text.splitlines())
        return read_batch(self, lines)

    def close(self) -> None:
        self._openai.close()


def batch_lines(requests: Sequence[tuple[str, Body]], url: str) -> bytes:
    """Return requests in the form of OpenAI's batch files, which ``vllm run-batch`` takes too."""
    lines = ({"custom_id": name, "method": "POST", "url": url, "body": body} for name, body in requests)
    return b"".join(encode(line) + b"\n" for line in lines)


def read_batch(client: Client, lines: Iterable[str]) -> list[BatchResult]:
    """Read the lines of a batch's output.

    Raises
    ------
    TemporaryFailure
        If a line is damaged, or not written whole yet.
    """
    results: list[BatchResult] = []
    for number, line in enumerate(lines, start=1):
        try:
            result = json.loads(client.without_key(line))
            name, response, error = result["custom_id"], result.get("response"), result.get("error")
        except (ValueError, TypeError, KeyError, AttributeError) as broken:
            raise TemporaryFailure(f"line {number} of its answers cannot be read ({broken!r})") from None
        if error or not response:
            results.append((name, TemporaryFailure(str((error or {}).get("message") or "no response"))))
            continue
        body, status = json.dumps(response.get("body")), response.get("status_code", 200)
        if status == 200:
            results.append((name, client.result(body)))
        else:
            failed = failure(status, {}, body)
            results.append((name, failed.as_reply() if isinstance(failed, ContentRefused) else failed))
    return results


class ResponsesClient(_OpenAIClient):
    """OpenAI's Responses."""

    path = "/responses"

    def body(self, question: Question, seed: int | None) -> Body:  # noqa: ARG002 - Responses takes no seed
        settings = self.settings
        content = [
            {"type": "input_image", "image_url": data_url(part), "detail": settings.detail or "high"}
            if isinstance(part, Picture)
            else {"type": "input_text", "text": part}
            for part in question.parts
        ]
        body: Body = {
            "model": settings.model,
            "input": [{"role": "user", "content": content}],
            "max_output_tokens": settings.max_output_tokens,
            "store": False,
        }
        if question.structured:
            form = {"type": "json_schema", "name": "answer", "schema": question.schema, "strict": True}
            body["text"] = {"format": form}
        if settings.temperature is not None:
            body["temperature"] = settings.temperature
        if settings.effort is not None:
            body["reasoning"] = {"effort": settings.effort}
        if settings.logprobs:
            body |= {"include": ["message.output_text.logprobs"], "top_logprobs": _TOP_LOGPROBS}
        return with_more(body, settings.body)

    def read(self, data: Any) -> Reply:
        reply = Json(data)
        if reply.get("status") == "failed":
            raise TemporaryFailure(f"the model failed: {json.dumps(reply.get('error'))}")
        texts, refusals, thoughts, first = [], [], [], None
        for item in reply["output"]:
            if item.get("type") == "reasoning":
                thoughts += [part.text("text") for part in item.items("summary")]
            if item.get("type") != "message":
                continue
            for part in item["content"]:
                if part.get("type") == "refusal":
                    refusals.append(part.text("refusal"))
                elif part.get("type") == "output_text":
                    texts.append(part.text("text"))
                    first = first or _first_token(part.get("logprobs"))
        reason = reply.part("incomplete_details").text_or_none("reason")
        status: Status = "ok"
        if reason == "content_filter":
            status = "filtered"
        elif reason is not None:
            status = "truncated"
        elif refusals:
            status = "refusal"
        elif not texts:
            raise WrongShape("the reply holds no text")
        return Reply(
            status,
            "\n".join(refusals or texts),
            thoughts="\n".join(thoughts) or None,
            first_token=first,
            finish_reason=reason or reply.text_or_none("status"),
            served_model=reply.text_or_none("model"),
            request_id=reply.text_or_none("id"),
            usage=Usage(
                reply.count("usage", "input_tokens"),
                reply.count("usage", "output_tokens"),
                reply.count("usage", "output_tokens_details", "reasoning_tokens"),
                reply.count("usage", "input_tokens_details", "cached_tokens"),
            )
            if reply.get("usage")
            else None,
        )


class ChatClient(_OpenAIClient):
    """Chat Completions, as OpenAI, xAI, vLLM, SGLang, Ollama and LM Studio speak it."""

    path = "/chat/completions"

    def body(self, question: Question, seed: int | None) -> Body:
        settings = self.settings
        detail = {"detail": settings.detail} if settings.detail else {}
        content = [
            {"type": "image_url", "image_url": {"url": data_url(part), **detail}}
            if isinstance(part, Picture)
            else {"type": "text", "text": part}
            for part in question.parts
        ]
        body: Body = {
            "model": settings.model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": settings.max_output_tokens,
        }
        if question.structured:
            form = {"name": "answer", "schema": question.schema, "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        if settings.temperature is not None:
            body["temperature"] = settings.temperature
        if settings.effort is not None:
            body["reasoning_effort"] = settings.effort
        if seed is not None:
            body["seed"] = seed
        if settings.logprobs:
            body |= {"logprobs": True, "top_logprobs": _TOP_LOGPROBS}
        return with_more(body, settings.body)

    def read(self, data: Any) -> Reply:
        reply = Json(data)
        choice = reply["choices"][0]
        message = choice["message"]
        finish, refusal = choice.text_or_none("finish_reason"), message.text_or_none("refusal")
        statuses: dict[str | None, Status] = {"length": "truncated", "content_filter": "filtered"}
        status = statuses.get(finish, "refusal" if refusal else "ok")
        # Servers leave the content out where it was cut off or filtered before it began.
        text = refusal or (message.text("content") if status == "ok" else message.text_or_none("content") or "")
        return Reply(
            status,
            text,
            thoughts=message.text_or_none("reasoning_content") or message.text_or_none("reasoning"),
            first_token=_first_token(choice.part("logprobs").get("content")),
            finish_reason=finish,
            served_model=reply.text_or_none("model"),
            request_id=reply.text_or_none("id"),
            usage=Usage(
                reply.count("usage", "prompt_tokens"),
                reply.count("usage", "completion_tokens"),
                reply.count("usage", "completion_tokens_details", "reasoning_tokens"),
                reply.count("usage", "prompt_tokens_details", "cached_tokens"),
            )
            if reply.get("usage")
            else None,
        )


def _first_token(logprobs: Any) -> dict[str, float] | None:
    """Return the probabilities of the first token; the same text from two tokens is summed."""
    if not logprobs:
        return None
    told = Json(logprobs, "logprobs")[0]
    tokens: dict[str, float] = {}
    for token in Json(told.get("top_logprobs") or [told.data], "top_logprobs"):
        text, logprob = token.text("token"), token.get("logprob")
        if not isinstance(logprob, int | float):
            raise WrongShape(f"{token.path}.logprob is no number")
        tokens[text] = tokens.get(text, 0.0) + math.exp(logprob)
    return tokens
