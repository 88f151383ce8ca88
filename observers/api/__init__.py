"""Vision-language models behind an API: OpenAI, Anthropic, Google, xAI, and every OpenAI-compatible server."""

from .api_observer import ApiObserver
from .api_options import ApiOptions
from .hosted_observers import (
    AnthropicObserver,
    CompatibleObserver,
    GoogleObserver,
    OpenAIObserver,
    XaiObserver,
)

__all__ = [
    "AnthropicObserver",
    "ApiObserver",
    "ApiOptions",
    "CompatibleObserver",
    "GoogleObserver",
    "OpenAIObserver",
    "XaiObserver",
]
