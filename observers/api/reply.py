"""What a provider sent back, in one form for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "refusal", "truncated", "filtered"]


@dataclass(frozen=True)
class Usage:
    """Tokens that a request used, as the provider counted them.

    Attributes
    ----------
    input, output : int
        All tokens read and written; `output` includes `reasoning`, `input` includes `cached`.
    reasoning, cached : int
    """

    input: int = 0
    output: int = 0
    reasoning: int = 0
    cached: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.reasoning + other.reasoning,
            self.cached + other.cached,
        )


@dataclass(frozen=True)
class Reply:
    """A model's reply.

    Attributes
    ----------
    status : {'ok', 'refusal', 'truncated', 'filtered'}
        ``ok`` says only that the reply is whole; whether it is an answer, its reader decides.
    text : str
        What the model wrote for the asker; of a refusal, its words.
    thoughts : str or None
        Reasoning that the provider shows apart from the text.
    first_token : dict or None
        Probability of each token given for the first place, by its text.
    finish_reason, served_model, request_id : str or None
        As the provider calls them.
    usage : Usage or None
        None where the provider did not say.
    """

    status: Status
    text: str
    thoughts: str | None = None
    first_token: Mapping[str, float] | None = None
    finish_reason: str | None = None
    served_model: str | None = None
    request_id: str | None = None
    usage: Usage | None = None
