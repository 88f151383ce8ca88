"""How replies end: one list of the ends that each provider documents, for single requests and batches alike.

Rule of this file: an end that is not listed, or is missing, is not a good one. A reply that was broken off may hold
'A' where the model meant to go on; it is never an answer, and its trial is asked again. Read from the providers'
documents and from the types of their SDKs, November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from .failures import BrokenOff
from .reply import Status, Usage

WireFormat = Literal["responses", "chat", "messages", "generateContent"]

ENDS: Mapping[WireFormat, Mapping[str, Status]] = MappingProxyType(
    {
        # OpenAI Responses: `status`, or why it is incomplete. Others: failed, cancelled, queued, in_progress.
        "responses": {"completed": "ok", "max_output_tokens": "truncated", "content_filter": "filtered"},
        # Chat Completions: `finish_reason`, as OpenAI, xAI, OpenRouter, vLLM, SGLang, Ollama and LM Studio say it, and
        # `eos_token` (TGI), `model_length` (Mistral), `sensitive` and `model_context_window_exceeded` (Zhipu). Others:
        # error, abort, network_error, tool_calls, insufficient_system_resource (DeepSeek).
        "chat": {
            "stop": "ok",
            "eos_token": "ok",
            "length": "truncated",
            "model_length": "truncated",
            "model_context_window_exceeded": "truncated",
            "content_filter": "filtered",
            "sensitive": "filtered",
        },
        # Anthropic Messages: `stop_reason`. Others: pause_turn, tool_use.
        "messages": {
            "end_turn": "ok",
            "stop_sequence": "ok",
            "max_tokens": "truncated",
            "model_context_window_exceeded": "truncated",
            "refusal": "refusal",
        },
        # Gemini generateContent: `finishReason`. Others: OTHER, MALFORMED_RESPONSE, UNEXPECTED_TOOL_CALL and the like.
        "generateContent": {
            "STOP": "ok",
            "MAX_TOKENS": "truncated",
            **dict.fromkeys(
                ("SAFETY", "IMAGE_SAFETY", "PROHIBITED_CONTENT", "IMAGE_PROHIBITED_CONTENT", "BLOCKLIST", "SPII",
                 "RECITATION", "IMAGE_RECITATION", "MODEL_ARMOR", "LANGUAGE"),
                "filtered",
            ),
        },
    }
)  # fmt: skip


def status_of(wire_format: WireFormat, end: str | None, usage: Usage | None) -> Status:
    """Return what the end of a reply says of it.

    Parameters
    ----------
    wire_format : str
    end : str or None
        As the provider calls it; None where it is missing.
    usage : Usage or None
        What the reply took, which is paid for however it ended.

    Raises
    ------
    BrokenOff
        If the end is not known.
    """
    known = ENDS[wire_format]
    if end is None or end not in known:
        raise BrokenOff(
            f"the reply broke off: it ended with {end!r}, and known ends are {', '.join(known)}", usage=usage
        )
    return known[end]
