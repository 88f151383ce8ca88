"""OpenAI's Responses."""

from __future__ import annotations

import json
from typing import Any

from visavis.observers.question import Picture, Question

from .failures import TemporaryFailure, WrongShape
from .first_token import TOP_LOGPROBS, first_token
from .openai_client import OpenAIClient
from .reply import Reply, Status, Usage
from .request_body import Body, data_url, with_more
from .wire_json import Json


class ResponsesClient(OpenAIClient):
    """OpenAI's Responses."""

    path = "/responses"

    def body(self, question: Question, seed: int | None) -> Body:  # noqa: ARG002 - Responses has no seed
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
            body |= {"include": ["message.output_text.logprobs"], "top_logprobs": TOP_LOGPROBS}
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
                    first = first or first_token(part.get("logprobs"))
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
