"""Which observers behind an API are tested, and how."""

from __future__ import annotations

KEYS = {
    "OPENAI_API_KEY": "sk-open-do-not-tell",
    "ANTHROPIC_API_KEY": "sk-ant-do-not-tell",
    "GEMINI_API_KEY": "sk-gem-do-not-tell",
    "XAI_API_KEY": "sk-xai-do-not-tell",
}

SPECS = {
    "openai": "openai:gpt-5.2",
    "anthropic": "anthropic:claude-opus-4-6",
    "google": "google:gemini-3.1-pro-preview",
    "xai": "xai:grok-4.3",
    "compatible": "openai-compatible:Qwen/Qwen3-VL-32B-Instruct",
}

FAST = {"first_wait_s": 0.01, "longest_wait_s": 0.2, "tries": 3, "timeout_s": 5}
"""Options that make trouble short."""

KEY_OF = {
    "openai": KEYS["OPENAI_API_KEY"],
    "anthropic": KEYS["ANTHROPIC_API_KEY"],
    "google": KEYS["GEMINI_API_KEY"],
    "xai": KEYS["XAI_API_KEY"],
    "compatible": KEYS["OPENAI_API_KEY"],
}
"""The key that each observer sends; a server of one's own gets it only where ``key_env`` names it."""
