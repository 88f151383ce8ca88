"""A soft choice from the probabilities of the first token, with what it leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from visavis.experiments import Choice

from .answer_reading import bare
from .question import Question

_WORD_STARTS = "▁ĠĊ"
"""How tokenizers write a space or a new line before a word, where a server gives tokens as they are (SentencePiece,
byte-level BPE)."""


@dataclass(frozen=True)
class SoftChoice:
    """The probability of choosing left.

    Attributes
    ----------
    p_left : float or None
        Among left and right; None where no token stands for either. Where the tokens given name one of them alone, the
        middle of `low` and `high`.
    low, high : float or None
        What p_left can be: a token that was not given is no more probable than the least of those that were, and no
        more than what they leave.
    mass : float
        Probability of all tokens that stand for an answer; what is missing to 1 went elsewhere.
    """

    p_left: float | None
    low: float | None
    high: float | None
    mass: float

    @property
    def is_bounded(self) -> bool:
        """Whether it is known only between bounds."""
        return self.p_left is not None and self.low != self.high


def soft_choice(tokens: Mapping[str, float], question: Question) -> SoftChoice:
    """Turn the probabilities of the first token into a soft choice.

    Parameters
    ----------
    tokens : mapping
        Probability of each token that the provider gave, by its text.
    question : Question

    Notes
    -----
    A token stands for an answer if it is the answer, or the beginning of this answer and of no other ("fir" of
    "first"), in any case, with or without the mark of a space before it.
    """
    by_choice: dict[Choice, float] = {"left": 0.0, "right": 0.0, "tie": 0.0}
    for token, probability in tokens.items():
        word = bare(token.lstrip(_WORD_STARTS))
        meant = {choice for label, choice in question.answers.items() if word and bare(label).startswith(word)}
        if len(meant) == 1:
            by_choice[meant.pop()] += probability
    left, right = by_choice["left"], by_choice["right"]
    mass = min(1.0, left + right + by_choice["tie"])
    if left + right == 0:
        return SoftChoice(None, None, None, mass)
    unseen = max(0.0, min(min(tokens.values()), 1 - sum(tokens.values())))
    low = left / (left + max(right, unseen if right == 0 else 0.0)) if left else 0.0
    high = max(left, unseen if left == 0 else 0.0) / (max(left, unseen if left == 0 else 0.0) + right)
    return SoftChoice((low + high) / 2, low, high, mass)
