"""The probabilities of a reply's first token, as OpenAI's formats give them."""

from __future__ import annotations

import math
from typing import Any

from .failures import WrongShape
from .wire_json import Json

TOP_LOGPROBS = 20
"""So many tokens are asked for, the most that the providers give."""


def first_token(logprobs: Any) -> dict[str, float] | None:
    """Return the probabilities of the first token; the same text from two tokens is summed."""
    if not logprobs:
        return None
    first = Json(logprobs, "logprobs")[0]
    tokens: dict[str, float] = {}
    for token in Json(first.get("top_logprobs") or [first.data], "top_logprobs"):
        text, logprob = token.text("token"), token.get("logprob")
        if not isinstance(logprob, int | float):
            raise WrongShape(f"{token.path}.logprob is not a number")
        tokens[text] = tokens.get(text, 0.0) + math.exp(logprob)
    return tokens
