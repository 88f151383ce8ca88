"""The flow of a session for people: which pages, trials and breaks follow each other, and what each of them says.

Rules of this file: pure and without a screen. A session is a sequence of steps, which are immutable and have a JSON
form, and what is shown when is decided here, once, for every renderer. A renderer decides nothing but how a step looks.

How a renderer uses it (the PsychoPy window is one, see `driver`; a browser page is another)::

    flow = SessionFlow(experiment.definition, language="de")
    for step in flow.opening(practice=4, resumed=False): ...   # consent, form, instructions
    for step in flow.trials(trials, total=len(trials)): ...    # loading, announcements, breaks, trials
    for step in flow.closing(): ...                            # thanks
    flow.stopping()                                            # the page that asks whether to end

Every step tells by its ``step`` what it is, and `step_json` turns it into JSON values:

``page``
    Paragraphs and a hint, left by any key or click. ``consent`` is left by Enter, which agrees, or Escape, which
    refuses.
``field``
    One question of the form; answers go to the log by the field's name, choices as ``recorded``.
``loading``
    Shown while the images of the first trials are loaded.
``trial``
    The question, the timeline of what is shown for how long (see `timeline`), the keys that answer, whether the
    pointer answers too, and the feedback. Nothing before ``earliest_s`` from the onset counts as an answer; the onset
    is that of the first showing that takes answers.

Trials may come in portions, as those of adaptive designs do: `SessionFlow.trials` is then called once for each,
with how many were shown before and which was the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from visavis.experiments import Choice, Definition, Trial
from visavis.experiments.presentation import FormField, has_language, in_language

from .fixed_texts import FIXED_TEXTS, fixed_text, key_name, served_language
from .timeline import Role, Showing, one_after_other, trial_roles, trial_timeline

PRACTICE_FEEDBACK_S = 1.0
"""Least time that practice says which answer was taken."""


@dataclass(frozen=True)
class TextPage:
    """Text to read.

    Attributes
    ----------
    name : str
        ``instructions``, ``announcement``, ``break``, ``thanks`` or ``stop``.
    paragraphs : tuple of str
    hint : str
        How the page is left; empty where the text says so.
    """

    step: ClassVar[str] = "page"
    name: str
    paragraphs: tuple[str, ...]
    hint: str


@dataclass(frozen=True)
class ConsentPage:
    """Text to agree to.

    Attributes
    ----------
    paragraphs : tuple of str
    hint : str
        How to agree, or to leave.
    hint_more : str
        How to go on where the text takes several pages: at the end of all but the last.
    """

    step: ClassVar[str] = "consent"
    paragraphs: tuple[str, ...]
    hint: str
    hint_more: str


@dataclass(frozen=True)
class FormPage:
    """A question of the form.

    Attributes
    ----------
    name : str
        Of the answer in the data.
    ask : str
    choices : tuple of str
        What may be answered; empty for a text that is typed.
    recorded : tuple of str
        The choices as they stand in the data.
    hint : str
    """

    step: ClassVar[str] = "field"
    name: str
    ask: str
    choices: tuple[str, ...]
    recorded: tuple[str, ...]
    hint: str


@dataclass(frozen=True)
class LoadingPage:
    """Shown while images are loaded."""

    step: ClassVar[str] = "loading"
    text: str


@dataclass(frozen=True)
class Feedback:
    """What follows an answer.

    Attributes
    ----------
    duration_s : float
        No feedback where it is 0.
    frame : bool
        Whether the chosen image is framed.
    texts : dict
        What is said of each choice; empty where nothing is said.
    """

    duration_s: float
    frame: bool
    texts: dict[Choice, str]


@dataclass(frozen=True)
class TrialStep:
    """A trial.

    Attributes
    ----------
    trial : Trial
    question : str
    images : tuple of str
        Roles of the trial's images, in the order in which they stand.
    timeline : tuple of Showing
    keys : dict
        What each key answers, by PsychoPy's names of keys.
    pointer : bool
        Whether a click or a touch on an image chooses it.
    earliest_s : float
        From the onset; an answer before that is not taken.
    feedback : Feedback
    """

    step: ClassVar[str] = "trial"
    trial: Trial
    question: str
    images: tuple[Role, ...]
    timeline: tuple[Showing, ...]
    keys: dict[str, Choice]
    pointer: bool
    earliest_s: float
    feedback: Feedback


Step = TextPage | ConsentPage | FormPage | LoadingPage | TrialStep


def step_json(step: Step) -> dict[str, Any]:
    """Return a step as JSON values, its kind under ``step``."""
    return {"step": step.step, **asdict(step)}


@dataclass(frozen=True)
class SessionFlow:
    """What a session shows, step by step.

    Parameters
    ----------
    definition : Definition
    language : str
        Of all texts, such as ``de`` or ``de-AT``.
    """

    definition: Definition
    language: str

    def opening(self, *, practice: int, resumed: bool, form: bool = True) -> list[Step]:
        """Return consent, form and instructions.

        Parameters
        ----------
        practice : int
            Number of practice trials that follow.
        resumed : bool
            Whether the participant goes on with a session: consent and form are then left out.
        form : bool
            Whether to ask the form.
        """
        asked = [] if resumed else [*self.consent(), *(self.form() if form else ())]
        return [*asked, *self.instructions(practice=practice, resumed=resumed)]

    def consent(self) -> list[Step]:
        """Return the page that asks for consent, where the definition has a text for it."""
        words = self.definition.presentation.consent
        if words is None:
            return []
        return [ConsentPage((in_language(words, self.language),), self._text("agree"), self._text("go_on"))]

    def form(self) -> list[Step]:
        """Return the questions of the form."""
        return [self._field(field) for field in self.definition.presentation.form]

    def instructions(self, *, practice: int, resumed: bool) -> list[Step]:
        """Return the page that says what is to be done."""
        presentation, successive = self.definition.presentation, one_after_other(self.definition.presentation)
        keys = {side: key_name(getattr(presentation.keys, side)[0], self.language) for side in ("left", "right", "tie")}
        reference = self.definition.reference is not None
        paragraphs = (
            self._text("welcome_back") if resumed else None,
            self.definition.instructions(self.language),
            self._text("reference_first" if successive else "reference_middle") if reference else None,
            self._text("answer_first_by", **keys)
            if successive
            else self._text("answer_by", **keys, mouse=self._text("or_mouse") if presentation.mouse else ""),
            self._text("tie_by", **keys) if self.definition.ties else None,
            self._text("practice", trials=practice) if practice else None,
        )
        return [self._page("instructions", *paragraphs)]

    def trials(
        self, trials: Sequence[Trial], *, total: int, shown: int = 0, previous: Trial | None = None
    ) -> Iterator[Step]:
        """Yield trials, and what stands between them.

        Parameters
        ----------
        trials : sequence of Trial
        total : int
            How many trials the sitting has in all.
        shown : int
            How many were shown before these.
        previous : Trial, optional
            The last of those.
        """
        if not shown:
            yield LoadingPage(self._text("loading"))
        every = self.definition.presentation.break_every
        for done, trial in enumerate(trials, start=shown):
            yield from self._announcement(trial, previous)
            if done and every and done % every == 0:
                yield self._page("break", self._text("rest", done=done, total=total))
            yield self.trial(trial)
            previous = trial

    def trial(self, trial: Trial) -> TrialStep:
        """Return a trial with all that belongs to it."""
        presentation = self.definition.presentation
        reference = trial.reference is not None
        sides: list[tuple[Choice, tuple[str, ...]]] = [
            ("left", presentation.keys.left),
            ("right", presentation.keys.right),
            ("tie", presentation.keys.tie if self.definition.ties else ()),
        ]
        return TrialStep(
            trial,
            self.definition.question(trial.attribute, language=self.language),
            trial_roles(presentation, reference=reference),
            trial_timeline(presentation, reference=reference),
            {key: choice for choice, keys in sides for key in keys},
            presentation.mouse and not one_after_other(presentation),
            presentation.minimum_exposure_s,
            self._feedback(trial),
        )

    def closing(self) -> list[Step]:
        """Return what ends a session."""
        words = self.definition.presentation.thanks
        return [self._page("thanks", in_language(words, self.language) if words else self._text("thanks"))]

    def stopping(self) -> TextPage:
        """Return the page that asks whether to end: Enter ends, any other key goes on."""
        return TextPage("stop", (self._text("stop"),), "")

    def texts(self) -> list[str]:
        """Return every text that a session may show."""
        fixed = FIXED_TEXTS[served_language(self.language)].values()
        return [*fixed, *(in_language(words, self.language) for words in self._given().values())]

    def untranslated(self) -> list[str]:
        """Return a warning where texts that are given in several languages are not in the participant's, or nothing."""
        lacking = [name for name, words in self._given().items() if not has_language(words, self.language)]
        if not lacking:
            return []
        return [f"shown in another language, since they are not given in {self.language!r}: {', '.join(lacking)}"]

    def _given(self) -> dict[str, str | dict[str, str]]:
        """Return the definition's own texts, by where they stand."""
        presentation = self.definition.presentation
        given = {name: getattr(presentation, name) for name in ("consent", "instructions", "thanks")}
        for field in presentation.form:
            given[f"form, {field.name}"] = field.ask
            given |= {f"form, {field.name}, choice {n}": words for n, words in enumerate(field.choices or (), start=1)}
        for name, attribute in self.definition.attributes.items():
            given[f"question of {name}"] = attribute.question_for_people or attribute.question
        return {name: words for name, words in given.items() if words is not None}

    def _field(self, field: FormField) -> FormPage:
        choices = tuple(in_language(choice, self.language) for choice in field.choices or ())
        hint = self._text("choose" if choices else "enter")
        return FormPage(field.name, in_language(field.ask, self.language), choices, field.recorded, hint)

    def _announcement(self, trial: Trial, previous: Trial | None) -> list[Step]:
        """Return the page that says that practice is over, or that another question follows."""
        over = previous is not None and previous.phase == "practice" and trial.phase != "practice"
        changed = previous is None or previous.attribute != trial.attribute
        mixed = "attribute" not in self.definition.order.blocks
        if not over and (mixed or not changed):
            return []
        question = self.definition.question(trial.attribute, language=self.language)
        over_text = self._text("practice_over") if over else None
        return [self._page("announcement", over_text, self._text("next"), question)]

    def _feedback(self, trial: Trial) -> Feedback:
        presentation, successive = self.definition.presentation, one_after_other(self.definition.presentation)
        practice = self.definition.practice
        spoken = trial.phase == "practice" and practice is not None and practice.feedback
        names: dict[Choice, str] = {"left": "first", "right": "second"} if successive else {}
        texts: dict[Choice, str] = {
            choice: self._text(f"took_{names.get(choice, choice)}") for choice in ("left", "right", "tie")
        }
        least = PRACTICE_FEEDBACK_S if spoken else 0.0
        return Feedback(max(presentation.feedback_s, least), not successive, texts if spoken else {})

    def _page(self, name: str, *paragraphs: str | None) -> TextPage:
        return TextPage(name, tuple(paragraph for paragraph in paragraphs if paragraph), self._text("go_on"))

    def _text(self, name: str, **values: object) -> str:
        return fixed_text(name, self.language, **values)
