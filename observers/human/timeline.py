"""The timeline of one trial: what is on the screen, for how long, and when an answer counts.

Rules of this file: pure; images are named by their role in the trial, and times are those that the definition asks for.
Where things stand in pixels is the renderer's matter (see `layout`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from visavis.experiments.presentation import Presentation

Role = Literal["left", "right", "reference"]
"""What an image is in its trial; one after the other, left is the first and right the second."""


@dataclass(frozen=True)
class Showing:
    """What is on the screen until something else is.

    Attributes
    ----------
    name : str
        ``interval``, ``fixation``, ``images``, ``gap``, ``question``, or the role of the one image that is shown.
    images : tuple of str
        Roles of the images, in the order in which they stand.
    mask_of : str or None
        Role of the image in whose place noise is shown.
    cross : bool
        Whether the fixation cross is shown.
    question : bool
        Whether the question is shown.
    duration_s : float or None
        Seconds; None lasts until the answer.
    answers : bool
        Whether an answer ends it, and the trial with it.
    """

    name: str
    images: tuple[Role, ...] = ()
    mask_of: Role | None = None
    cross: bool = False
    question: bool = False
    duration_s: float | None = None
    answers: bool = False


def trial_roles(presentation: Presentation, *, reference: bool) -> tuple[Role, ...]:
    """Return the images of a trial in the order in which they stand, from left to right or from first to last.

    A reference stands in the middle, or comes first where images follow each other.
    """
    if not reference:
        return "left", "right"
    return ("reference", "left", "right") if one_after_other(presentation) else ("left", "reference", "right")


def one_after_other(presentation: Presentation) -> bool:
    """Whether images follow each other instead of being shown together."""
    return presentation.layout == "one_after_other"


def trial_timeline(presentation: Presentation, *, reference: bool) -> tuple[Showing, ...]:
    """Return everything that a trial shows, in order; the last of it lasts until the answer.

    Response times count from the onset of the first that takes answers.

    Parameters
    ----------
    presentation : Presentation
    reference : bool
        Whether the trial has a reference.
    """
    return tuple(_showings(presentation, trial_roles(presentation, reference=reference)))


def _showings(presentation: Presentation, roles: tuple[Role, ...]) -> Iterator[Showing]:
    if presentation.inter_trial_interval_s:
        yield Showing("interval", duration_s=presentation.inter_trial_interval_s)
    if presentation.fixation_s:
        yield Showing("fixation", cross=True, duration_s=presentation.fixation_s)
    if one_after_other(presentation):
        for role in roles:
            last = role == roles[-1]
            yield Showing(role, (role,), question=True, duration_s=presentation.exposure_s, answers=last)
            if not last and presentation.interval_s:
                mask = role if presentation.mask else None
                yield Showing("gap", mask_of=mask, question=True, duration_s=presentation.interval_s)
        yield Showing("question", question=True, answers=True)
        return
    limit = presentation.maximum_exposure_s
    yield Showing("images", roles, question=True, duration_s=limit, answers=True)
    if limit is not None:
        yield Showing("question", question=True, answers=True)
