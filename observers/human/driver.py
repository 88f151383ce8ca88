"""Runs the steps of a session's flow on a screen, and makes a response of each answered trial.

Rules of this file: it knows no window, only a `Screen`, and decides nothing: the flow says what follows what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from visavis.experiments import Response, Trial

from .flow import ConsentPage, FormPage, LoadingPage, SessionFlow, Step, TextPage, TrialStep
from .page_presenter import PagePresenter
from .pictures import Pictures
from .screen import Screen
from .trial_presenter import PresentedTrial, TrialPresenter, wait_until

_AHEAD = 4
"""Trials whose pictures are read before they are needed."""


@dataclass
class SessionDriver:
    """One sitting of a participant at a screen.

    Parameters
    ----------
    flow : SessionFlow
    screen : Screen
    pictures : Pictures

    Attributes
    ----------
    shown : int
        Trials of this sitting that were shown.
    """

    flow: SessionFlow
    screen: Screen
    pictures: Pictures
    shown: int = field(default=0, init=False)
    _previous: Trial | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._pages = PagePresenter(self.screen, self.flow.stopping())
        self._trials = TrialPresenter(self.screen, self.pictures, self._pages.ask_to_stop)

    def pages(self, steps: Iterable[Step]) -> dict[str, str]:
        """Show pages one after the other, and return the answers to those that ask.

        Raises
        ------
        SessionEnded
            If the participant ends the session.
        """
        answers = {}
        for step in steps:
            if isinstance(step, FormPage):
                answers[step.name] = self._pages.fill_in(step)
            else:
                self._page(step)
        return answers

    def trials(self, trials: Sequence[Trial], total: int) -> Iterator[Response]:
        """Show trials and what stands between them.

        Parameters
        ----------
        trials : sequence of Trial
        total : int
            How many this sitting has in all, where more follow later.

        Raises
        ------
        SessionEnded
            If the participant ends the session.
        """
        steps = list(self.flow.trials(trials, total=total, shown=self.shown, previous=self._previous))
        self.screen.point(any(isinstance(step, TrialStep) and step.pointer for step in steps))
        number = 0
        for step in steps:
            if not isinstance(step, TrialStep):
                self._page(step)
                continue
            if number == 0:
                self.pictures.read_ahead(trials[:_AHEAD])
            number += 1
            presented = self._trials.present(step, trials[number : number + _AHEAD])
            feedback_over = self._trials.feedback(step, presented)
            self.shown += 1
            self._previous = step.trial
            yield self._response(step, presented)  # on disk while the feedback is on the screen
            wait_until(self.screen, feedback_over)

    def _page(self, step: Step) -> None:
        if isinstance(step, ConsentPage):
            self._pages.consent(step)
        elif isinstance(step, LoadingPage):
            self._pages.loading(step)
        elif isinstance(step, TextPage):
            self._pages.read(step)

    def _response(self, step: TrialStep, presented: PresentedTrial) -> Response:
        # The screen's clock, which stamps flips and presses, read off against UTC.
        began = datetime.now(UTC) - timedelta(seconds=self.screen.now())
        answer, onset = presented.answer, presented.onset
        return Response(
            step.trial.id,
            "tie" if answer.choice == "tie" else "choice",
            answer.choice,
            response_time_s=round(answer.press.at - onset, 6),
            onset=_stamp(began, onset),
            answered_at=_stamp(began, answer.press.at),
            attempts=1 + presented.interruptions,
            provenance=self._provenance(step, presented),
        )

    def _provenance(self, step: TrialStep, presented: PresentedTrial) -> dict[str, Any]:
        stimuli, places = self.pictures.stimuli(step.trial), self.pictures.places(step.trial)
        press = presented.answer.press
        provenance: dict[str, Any] = {
            "device": "mouse" if press.key == "mouse" else "keyboard",
            "key": press.key,
            "shown": [
                {"pixels_sha256": stimuli[role].pixels_sha256, "place_px": places[role].record()}
                for role in step.images
            ],
            "frames": presented.frames,
            "timeline": presented.timeline,
        }
        if press.key == "mouse":
            provenance["clicked_px"] = [press.x, press.y]
        if press.uncertainty:
            provenance["time_uncertainty_ms"] = round(1000 * press.uncertainty, 3)
        if presented.vanished is not None:
            provenance["exposure_s"] = round(presented.vanished - presented.onset, 6)
        if presented.interruptions:
            provenance["interruptions"] = presented.interruptions
        return provenance


def _stamp(began: datetime, at: float) -> str:
    """Return a moment of the screen's clock in UTC, in the form of every time stamp in a log."""
    return (began + timedelta(seconds=at)).isoformat(timespec="microseconds")
