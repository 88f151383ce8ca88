"""How many tokens a trial reads and writes, estimated before anything is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from visavis.experiments import Experiment, Trial
from visavis.observers.question import Question
from visavis.observers.question_writer import QuestionWriter, composite_size

from .profile import Profile

UNKNOWN_IMAGE_TOKENS, UNKNOWN_PIXELS_PER_TOKEN = 2000, 256
"""Tokens held back for an image whose tokens are not documented, the larger of the two, so that a budget is kept all
the same; known models take one token for 784 pixels or more."""

WRITTEN_ALONE, WRITTEN_WITH_REASONS = 15, 200
"""Tokens of an answer."""
THINKING = {"none": 0, "minimal": 100, "low": 300, "medium": 800, "high": 1500, "xhigh": 3000, "max": 5000}
"""Tokens of thoughts before a short answer, roughly, by effort. What a model in fact takes, its first reply tells."""


@dataclass(frozen=True)
class TokenEstimate:
    """Tokens read by one request.

    Attributes
    ----------
    tokens : int
    known : bool
        Whether the tokens of its images are documented.
    """

    tokens: int
    known: bool


def expected_thinking(profile: Profile, effort: str | None) -> int:
    """Return the tokens of thoughts to expect of a reply; models that think by default do so at high effort."""
    if profile.thinks == "never" or (effort is None and profile.thinks != "default"):
        return 0
    return THINKING.get(effort or "high", THINKING["high"])


def of_trial(profile: Profile, experiment: Experiment, writer: QuestionWriter, trial: Trial) -> TokenEstimate:
    """Estimate a trial's tokens from its images' sizes, without reading them."""
    stimuli = experiment.stimuli
    sizes = [stimuli[trial.scene, trial.left].size, stimuli[trial.scene, trial.right].size]
    if experiment.definition.models.images == "composite":
        sizes = [composite_size(*sizes[0])]
    if trial.reference is not None:
        sizes.append(stimuli[trial.scene, trial.reference].size)
    return _estimate(profile, sizes, writer.words(trial.attribute))


def of_question(profile: Profile, question: Question) -> TokenEstimate:
    """Estimate a question's tokens."""
    sizes = [(picture.width, picture.height) for picture in question.pictures]
    return _estimate(profile, sizes, "".join(part for part in question.parts if isinstance(part, str)))


def _estimate(profile: Profile, sizes: Sequence[tuple[int, int]], words: str) -> TokenEstimate:
    total, known = 50 + len(words.encode()) // 3, True
    for size in sizes:
        seen = profile.sees(*size)
        tokens = seen.tokens if seen else profile.image_tokens
        known &= tokens is not None
        guessed = max(UNKNOWN_IMAGE_TOKENS, size[0] * size[1] // UNKNOWN_PIXELS_PER_TOKEN)
        total += guessed if tokens is None else tokens
    return TokenEstimate(total, known)
