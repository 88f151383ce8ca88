"""The providers' observers: which client asks, and what it needs installed."""

from __future__ import annotations

from visavis.experiments import ObserverError

from .anthropic_client import AnthropicClient
from .api_observer import ApiObserver
from .api_options import ApiOptions
from .chat_client import ChatClient
from .google_client import GoogleClient
from .responses_client import ResponsesClient


class OpenAIObserver(ApiObserver):
    """A model of OpenAI's, by Responses: openai:gpt-5.2."""

    provider_name = "openai"
    client_class = ResponsesClient
    requires = ("openai", "tenacity")
    extra = "openai"


class AnthropicObserver(ApiObserver):
    """A model of Anthropic's, by Messages: anthropic:claude-opus-4-6."""

    provider_name = "anthropic"
    client_class = AnthropicClient
    refuses_oversized = True
    requires = ("anthropic", "tenacity")
    extra = "anthropic"


class GoogleObserver(ApiObserver):
    """A model of Google's, by generateContent: google:gemini-3.1-pro-preview."""

    provider_name = "google"
    client_class = GoogleClient
    requires = ("google.genai", "tenacity")
    extra = "google"


class XaiObserver(ApiObserver):
    """A model of xAI's, by Chat Completions: xai:grok-4.3."""

    provider_name = "xai"
    client_class = ChatClient
    requires = ("openai", "tenacity")
    extra = "openai"


class CompatibleObserver(ApiObserver):
    """A model on any server that speaks Chat Completions: vLLM, SGLang, Ollama, LM Studio; needs base_url."""

    provider_name = "openai-compatible"
    client_class = ChatClient
    requires = ("openai", "tenacity")
    extra = "openai"

    def __init__(self, model: str, options: ApiOptions, name: str | None = None) -> None:
        if not options.base_url:
            raise ObserverError("openai-compatible: name the server's address: --base-url http://localhost:8000/v1")
        super().__init__(model, options, name)
