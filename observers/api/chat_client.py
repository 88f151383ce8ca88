"""Chat Completions, which servers of open models and xAI speak too."""

from __future__ import annotations

from typing import Any

from visavis.observers.question import Picture, Question

from .first_token import TOP_LOGPROBS, first_token
from .openai_client import OpenAIClient
from .reply import Reply, Status, Usage
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
            body |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
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
            first_token=first_token(choice.part("logprobs").get("content")),
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
