"""OpenAI's Responses."""

from __future__ import annotations

import json
from typing import Any

from visavis.observers.question import Picture, Question

from .content_refusals import is_content_refusal
from .ends import status_of
from .failures import ContentRefused, TemporaryFailure
from .first_token import TOP_LOGPROBS, first_token
from .openai_client import OpenAIClient
from .reply import Reply, Usage
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
        usage = None
        if reply.get("usage"):
            usage = Usage(
                reply.count("usage", "input_tokens"),
                reply.count("usage", "output_tokens"),
                reply.count("usage", "output_tokens_details", "reasoning_tokens"),
                reply.count("usage", "input_tokens_details", "cached_tokens"),
            )
        end = reply.text_or_none("status")
        if end == "failed":
            said = json.dumps(reply.get("error"), ensure_ascii=False)
            if is_content_refusal(400, said):
                raise ContentRefused(f"the model failed: {said}")
            raise TemporaryFailure(f"the model failed: {said}", throttled="rate_limit" in said, usage=usage)
        texts, comments, refusals, thoughts, first = [], [], [], [], None
        for item in reply["output"]:
            if item.get("type") == "reasoning":
                thoughts += [part.text("text") for part in item.items("summary")]
            if item.get("type") != "message":
                continue
            if item.get("phase") == "commentary":  # what some models say on the way to their answer
                comments += [part.text("text") for part in item.items("content") if part.get("type") == "output_text"]
                continue
            for part in item["content"]:
                if part.get("type") == "refusal":
                    refusals.append(part.text("refusal"))
                elif part.get("type") == "output_text":
                    texts.append(part.text("text"))
                    first = first or first_token(part.get("logprobs"))
        if end == "incomplete":
            end = reply.part("incomplete_details").text_or_none("reason")
        status = status_of("responses", end, usage)
        if status == "ok" and refusals:
            status = "refusal"
        return Reply(
            status,
            "\n".join(refusals or texts),
            thoughts="\n".join([*thoughts, *comments]) or None,
            first_token=first,
            finish_reason=end,
            served_model=reply.text_or_none("model"),
            request_id=reply.text_or_none("id"),
            usage=usage,
        )
