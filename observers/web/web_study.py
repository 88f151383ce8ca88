"""A study in the browser: who comes in, what each is shown, and what becomes of the answers.

Rules of this file: no web framework. Every call takes a checked message and returns JSON values; `Refused` says why
something may not be. What is shown is the flow's, what is written is `run`'s.
"""

from __future__ import annotations

import contextlib
import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

from visavis.experiments import Experiment, ObserverError, Trial, utc_now
from visavis.experiments.session import session_folder
from visavis.observers.human import participant
from visavis.observers.human.flow import SessionFlow, Step
from visavis.observers.human.pictures import noise

from . import steps as sent
from .messages import Answer, Begin, Enter, Environment, Open, as_response
from .places import Place, Places, Refused
from .sitting import Beginning, Portion, Run, Sitting
from .texts import page_texts
from .watching import SessionProgress

_CACHE_BYTES = 256_000_000
SESSION = "1"


@dataclass(frozen=True)
class WebOptions:
    """How a study is offered.

    Attributes
    ----------
    language : str
        Of those whose link says nothing else (``?lang=de``).
    participants : int or None
        Most places that are given; those that are abandoned do not count.
    until : datetime or None
        No one new comes in after this.
    abandoned_s : float
        After so long without a sign, a place is given again.
    prefix : str
        Of the codes.
    completion_link, completion_code : str
        What a participant is given at the end.
    no_consent_link, screened_out_link : str
        Where those go who do not agree, or whose screen is too small.
    patience_s : float
        After so long without an answer a session's log is closed, until the participant comes back.
    """

    language: str = "en"
    participants: int | None = None
    until: datetime | None = None
    abandoned_s: float = 3600.0
    prefix: str = "web-"
    completion_link: str = ""
    completion_code: str = ""
    no_consent_link: str = ""
    screened_out_link: str = ""
    patience_s: float = 900.0


class WebStudy:
    """A study that people answer in a browser.

    Parameters
    ----------
    experiment : Experiment
    results : Path
    options : WebOptions
    run : callable
        `visavis.run`.

    Raises
    ------
    ObserverError
        If the study cannot be shown in a browser.
    SessionError
        If the results cannot be used.
    """

    def __init__(self, experiment: Experiment, results: Path, options: WebOptions, run: Run) -> None:
        definition = experiment.definition
        if definition.presentation.width_deg is not None:
            raise ObserverError(
                "presentation.width_deg: a browser does not know how large its pixels are, nor how far away the eye "
                "is: remove it, and images are shown pixel for pixel"
            )
        self.experiment = experiment
        self.results = results
        self.options = options
        self.intake = True
        self._run = run
        self.places = Places(
            results,
            options.prefix,
            options.participants,
            options.abandoned_s,
            numbered=definition.order.per_observer == "balanced",
        )
        self._progress: dict[str, SessionProgress] = {}
        self._needed = sent.needed_px(experiment)
        self._images = {stimulus.pixels_sha256: stimulus for stimulus in experiment.stimuli.values()}
        self._sizes = {stimulus.size for stimulus in self._images.values()}
        self._encoded: OrderedDict[str, bytes] = OrderedDict()
        self._encoding = threading.Lock()
        self._sittings: dict[str, Sitting] = {}
        self._tabs: dict[str, str] = {}
        self._screens: dict[str, Environment] = {}
        self._guards: dict[str, threading.RLock] = {}
        self._guard = threading.Lock()

    def enter(self, message: Enter) -> dict[str, Any]:
        """Give a place to somebody who comes by the study's link."""
        language = self._language(message.parameters.get("lang", ""))
        closed = "over" if self._is_past() else "" if self.intake else "paused"
        place = self.places.enter(message.parameters, message.token, language, closed=closed, has_begun=self._has_begun)
        return {"token": place.token}

    def texts(self, language: str = "") -> dict[str, str]:
        """Return the page's texts, for those who have no place yet."""
        return dict(page_texts(self._language(language)))

    def open(self, token: str, message: Open) -> dict[str, Any]:
        """Return what a page that was just opened shows; from now on its tab is the one that answers."""
        place = self.places.by_token(token)
        with self._one_at_a_time(place):
            self._tabs[token] = message.tab
            self._screens[token] = message.environment
            about = {
                "language": place.language,
                "texts": dict(page_texts(place.language)),
                "background": list(self.experiment.definition.presentation.background),
                "needed_px": list(self._needed),
                "stop": self._page([self._flow(place).stopping()], place)[0],
                "screened_out": self.options.screened_out_link,
            }
            if place.state in ("declined", "complete"):
                return {**about, **self._finished(place)}
            if place.state == "screened_out":
                self.places.settle(place, "open")  # on a larger screen, perhaps
            if not self._is_known(place):
                return {**about, "phase": "opening", "steps": sent.opening(self.experiment, self._flow(place))}
            portion = self._sitting(place).desk.open()
            return {**about, **self._shown(place, portion, resumed=True)}

    def begin(self, token: str, message: Begin) -> dict[str, Any]:
        """Take consent and form, and return the first trials."""
        place = self._answering(token, message.tab)
        with self._one_at_a_time(place):
            if not message.agreed and self.experiment.definition.presentation.consent is not None:
                self.places.settle(place, "declined")
                return self._finished(self.places.by_token(token))
            self._screens[token] = message.environment
            if not self._is_known(place):
                participant.check_answers(self.experiment.definition, message.answers)
                missing = [
                    f.name for f in self.experiment.definition.presentation.form if f.name not in message.answers
                ]
                if missing:
                    raise ObserverError(f"the form: answers are missing: {', '.join(missing)}")
            asked = self.experiment.definition.presentation.consent is not None
            beginning = Beginning(message.answers, utc_now() if asked else None)
            return self._shown(place, self._sitting(place, beginning).desk.open(), resumed=False)

    def answer(self, token: str, message: Answer) -> dict[str, Any]:
        """Write an answer down; when this returns it is on disk."""
        place = self._answering(token, message.tab)
        if place.state == "complete":
            return {"recorded": True, "new": False}
        if not self._is_known(place):
            raise Refused("bad_link")
        with self._one_at_a_time(place):
            sitting = self._sitting(place)
        new = sitting.desk.answer(message.trial, partial(self._response, message))
        if not new and not self.progress(place).is_answered(message.trial):
            raise Refused("bad_link")  # no trial of theirs, or one that is not asked yet
        return {"recorded": True, "new": new}

    def more(self, token: str, tab: str) -> dict[str, Any]:
        """Return the trials that follow those that were shown, or what ends the session."""
        place = self._answering(token, tab)
        with self._one_at_a_time(place):
            if place.state == "complete":
                return self._finished(place)
            return self._shown(place, self._sitting(place).desk.portion(), resumed=None)

    def stop(self, token: str, tab: str) -> dict[str, Any]:
        """End a sitting at the participant's wish; the link goes on with it."""
        place = self._answering(token, tab)
        with self._one_at_a_time(place):
            sitting = self._sittings.pop(token, None)
            if sitting is not None:
                sitting.close(f"{place.code} ended the session.")
        return {"phase": "ended"}

    def screen_out(self, token: str, tab: str) -> dict[str, Any]:
        """Write down that the participant's screen is too small."""
        place = self._answering(token, tab)
        if place.state == "open" and not self._is_known(place):
            self.places.settle(place, "screened_out")
        return {"link": self.options.screened_out_link}

    def image(self, pixels_sha256: str) -> bytes:
        """Return an image as a PNG that holds its exact pixels and no colour profile.

        Raises
        ------
        Refused
        """
        stimulus = self._images.get(pixels_sha256)
        if stimulus is None:
            raise Refused("unknown_link")
        return self._cached(pixels_sha256, stimulus.pixels)

    def mask(self, size: tuple[int, int]) -> bytes:
        """Return the noise that hides an image of this size, as PNG.

        Raises
        ------
        Refused
            If there is no image of this size.
        """
        if size not in self._sizes:
            raise Refused("unknown_link")
        return self._cached(f"mask {size}", lambda: noise(size))

    def progress(self, place: Place) -> SessionProgress:
        """Return how far a participant has come."""
        with self._guard:
            return self._progress.setdefault(place.code, SessionProgress(self._folder(place)))

    def close(self) -> None:
        """End every sitting; all links go on with another server."""
        for sitting in list(self._sittings.values()):
            sitting.desk.close("the server was stopped")
        for sitting in list(self._sittings.values()):
            sitting.close("the server was stopped")
        self.places.close()

    def _cached(self, name: str, pixels: Callable[[], Any]) -> bytes:
        with self._guard:
            if name in self._encoded:
                self._encoded.move_to_end(name)
                return self._encoded[name]
        with self._encoding:  # one at a time: those who ask for the same image share the work
            if name in self._encoded:
                return self._encoded[name]
            content = _png(pixels())
            with self._guard:
                self._encoded[name] = content
                while sum(map(len, self._encoded.values())) > _CACHE_BYTES and len(self._encoded) > 1:
                    self._encoded.popitem(last=False)
        return content

    def _is_past(self) -> bool:
        return self.options.until is not None and datetime.now(UTC) > self.options.until

    def _language(self, asked: str) -> str:
        plain = asked.replace("-", "")
        return asked if plain.isascii() and plain.isalnum() and len(asked) <= 12 else self.options.language

    def _flow(self, place: Place) -> SessionFlow:
        return SessionFlow(self.experiment.definition, place.language)

    def _folder(self, place: Place) -> Path:
        return session_folder(self.results, place.code, SESSION)

    def _is_known(self, place: Place) -> bool:
        return participant.is_known(self._folder(place))

    def _has_begun(self, place: Place) -> bool:
        return place.token in self._sittings or self._folder(place).exists()

    def _answering(self, token: str, tab: str) -> Place:
        place = self.places.by_token(token)
        if self._tabs.setdefault(token, tab) != tab:  # after a restart of the server, the first that speaks
            raise Refused("other_tab")
        return place

    @contextlib.contextmanager
    def _one_at_a_time(self, place: Place) -> Iterator[None]:
        with self._guard:
            guard = self._guards.setdefault(place.token, threading.RLock())
        with guard:
            yield

    def _sitting(self, place: Place, beginning: Beginning | None = None) -> Sitting:
        """Return the participant's run, one that goes on where there was one before."""
        sitting = self._sittings.get(place.token)
        if sitting is not None and not sitting.desk.over and not sitting.desk.closing:
            return sitting
        if sitting is not None:
            sitting.close("")
        screen = self._screens.get(place.token)
        described = {
            "viewing": {"language": place.language, "where": "browser"},
            "screen": screen.model_dump(mode="json") if screen else {},
            "images": "pixel for pixel",
        }
        self._sittings[place.token] = sitting = Sitting(
            self.experiment, place.code, self.results, self._run, self.options.patience_s, beginning, described
        )
        return sitting

    def _response(self, message: Answer, trial: Trial) -> Any:
        if message.choice == "tie" and not self.experiment.definition.ties:
            raise Refused("bad_link")
        images = sent.trial_images(self.experiment, trial)
        sizes = {role: image.size for role, image in images.items()}
        expected = sent.places(self.experiment.definition.presentation, sizes, message.window_px)
        hashes = {role: image.pixels_sha256 for role, image in images.items()}
        return as_response(message, trial, hashes, expected)

    def _shown(self, place: Place, portion: Portion | None, *, resumed: bool | None) -> dict[str, Any]:
        """Return the steps of a portion; instructions come first where a page was opened again."""
        flow = self._flow(place)
        if portion is None:
            self.places.settle(place, "complete")
            return self._finished(self.places.by_token(place.token))
        practice = sum(trial.phase == "practice" for trial in portion.trials)
        before = flow.instructions(practice=practice, resumed=True) if resumed else []
        trials = flow.trials(portion.trials, total=portion.total, shown=portion.shown, previous=portion.previous)
        return {"phase": "trials", "steps": self._page([*before, *trials], place)}

    def _page(self, steps: Iterable[Step], place: Place) -> list[dict[str, Any]]:
        return [sent.page_step(step, self.experiment, place.language) for step in steps]

    def _finished(self, place: Place) -> dict[str, Any]:
        if place.state == "declined":
            return {"phase": "declined", "link": self.options.no_consent_link}
        return {
            "phase": "finished",
            "steps": self._page(self._flow(place).closing(), place),
            "link": self.options.completion_link,
            "code": self.options.completion_code,
        }


def _png(pixels: Any) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG", compress_level=4)
    return content.getvalue()
