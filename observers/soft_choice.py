"""A soft choice from the probabilities of the first token."""

from __future__ import annotations

from visavis.experiments import Choice

from .answer_reading import bare
from .question import Question


def soft_choice(tokens: dict[str, float], question: Question) -> tuple[float | None, float]:
    """Turn the probabilities of the first token into a soft choice.

    Parameters
    ----------
    tokens : dict
        Probability of each token that the provider gave, by its text.
    question : Question

    Returns
    -------
    p_left : float or None
        Probability of left among left and right; None where no token stands for either.
    mass : float
        Probability of all tokens that stand for an answer; what is missing to 1 went elsewhere.

    Notes
    -----
    A token stands for an answer if it is the answer, or the beginning of this answer and of no other ("fir" of
    "first"), in any case.
    """
    by_choice: dict[Choice, float] = {"left": 0.0, "right": 0.0, "tie": 0.0}
    for token, probability in tokens.items():
        word = bare(token)
        meant = {choice for label, choice in question.answers.items() if word and bare(label).startswith(word)}
        if len(meant) == 1:
            by_choice[meant.pop()] += probability
    sides = by_choice["left"] + by_choice["right"]
    mass = min(1.0, sides + by_choice["tie"])
    return (by_choice["left"] / sides if sides > 0 else None), mass
