"""Chat Completions, which servers of open models and xAI speak too."""

from __future__ import annotations

import json
from typing import Any

from visavis.observers.question import Picture, Question

from .ends import ENDS, status_of
from .failures import ContentRefused, failure
from .first_token import TOP_LOGPROBS, first_token
from .openai_client import OpenAIClient
from .reply import Reply, Usage
from .request_body import Body, data_url, with_more
from .wire_json import Json


class ChatClient(OpenAIClient):
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
        }
        if settings.output_limit_field != "none":
            body[settings.output_limit_field] = settings.max_output_tokens
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
            body |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
        return with_more(body, settings.body)

    def read(self, data: Any) -> Reply:
        reply = Json(data)
        if reply.get("error") and not reply.get("choices"):  # as OpenRouter says what went wrong behind it
            raise _error(reply.part("error"))
        usage = None
        if reply.get("usage"):
            usage = Usage(
                reply.count("usage", "prompt_tokens"),
                reply.count("usage", "completion_tokens"),
                reply.count("usage", "completion_tokens_details", "reasoning_tokens"),
                reply.count("usage", "prompt_tokens_details", "cached_tokens"),
            )
        choice = reply["choices"][0]
        message = choice["message"]
        finish, refusal = choice.text_or_none("finish_reason"), message.text_or_none("refusal")
        if finish not in ENDS["chat"] and choice.get("error"):
            failed = _error(choice.part("error"))
            if isinstance(failed, ContentRefused):
                raise failed
        status = status_of("chat", finish, usage)
        if status == "ok" and refusal:
            status = "refusal"
        text, thinking = _content(message)
        return Reply(
            status,
            refusal or text,
            thoughts=message.text_or_none("reasoning_content") or message.text_or_none("reasoning") or thinking,
            first_token=first_token(choice.part("logprobs").get("content")),
            finish_reason=finish,
            served_model=reply.text_or_none("model"),
            request_id=reply.text_or_none("id"),
            usage=usage,
        )


def _content(message: Json) -> tuple[str, str | None]:
    """Return what a message says, and what it thinks; empty where a server leaves it out.

    Some, such as Mistral's, send a list of parts.
    """
    if not isinstance(message.get("content"), list):
        return message.text_or_none("content") or "", None
    texts, thoughts = [], []
    for part in message.items("content"):
        if part.get("type") == "text":
            texts.append(part.text("text"))
        elif part.get("type") == "thinking":
            thoughts += [piece.text("text") for piece in part.items("thinking") if piece.get("type") == "text"]
    return "".join(texts), "".join(thoughts) or None


def _error(error: Json) -> Exception:
    """Return the failure that a body of status 200 tells of."""
    code = error.get("code")
    status = code if isinstance(code, int) and 400 <= code < 600 else 500
    return failure(status, {}, json.dumps(error.data, ensure_ascii=False))
