"""Vision-language models behind an API: OpenAI, Anthropic, Google, xAI, and every OpenAI-compatible server."""

from .observer import (
    AnthropicObserver,
    ApiObserver,
    CompatibleObserver,
    GoogleObserver,
    OpenAIObserver,
    XaiObserver,
)
from .options import ApiOptions

__all__ = [
    "AnthropicObserver",
    "ApiObserver",
    "ApiOptions",
    "CompatibleObserver",
    "GoogleObserver",
    "OpenAIObserver",
    "XaiObserver",
]
