"""Ask an observer a few trials whose answers are known, to see whether it works and what it sees."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visavis.experiments import Definition, Experiment, Observer
from visavis.experiments.experiment import load_stimuli
from visavis.stimuli import sample_stimuli

_SHOWN = ("raw", "label_probabilities", "label_mass", "served_model", "tokens", "cost_usd", "error", "key")


@dataclass(frozen=True)
class Tried:
    """One trial and what came back.

    Attributes
    ----------
    question, shown, answer : str
    correct : bool
    details : dict
        What the observer recorded.
    """

    question: str
    shown: str
    answer: str
    correct: bool
    details: dict[str, Any]


def try_out(observer: Observer, warn: Callable[[str], None]) -> Iterator[Tried]:
    """Ask three trials with an obvious answer on a sample photograph; nothing is kept.

    Parameters
    ----------
    observer : Observer
        Closed at the end.
    warn : callable
        Told what the observer warns of.
    """
    with tempfile.TemporaryDirectory() as folder:
        sample_stimuli(Path(folder) / "images")
        definition = Definition.from_dict(
            {
                "visavis": 1,
                "name": "check",
                "seed": 1,
                "stimuli": {"folder": "images", "scenes": ["coffee"], "renditions": ["contrast-low", "contrast-high"]},
                "attributes": {"contrast": {"question": "Which image has the higher contrast?"}},
                "repetitions": 3,
                "sides": "counterbalanced",
            }
        )
        experiment = Experiment(definition, load_stimuli(definition, Path(folder)))
        try:
            for warning in observer.prepare(experiment):
                warn(warning)
            trials = {trial.id: trial for trial in experiment.plan(observer.name)}
            for response in observer.respond(list(trials.values())):
                trial = trials[response.trial]
                chosen = trial.rendition(response.choice) if response.choice in ("left", "right") else None
                known = {name: response.provenance[name] for name in _SHOWN if name in response.provenance}
                if response.p_left is not None:
                    known = {"p_left": round(response.p_left, 4), **known}
                yield Tried(
                    definition.question(trial.attribute),
                    f"{trial.left} on the left, {trial.right} on the right",
                    f"{response.choice or response.outcome}{f' ({chosen})' if chosen else ''}",
                    chosen == "contrast-high",
                    known,
                )
        finally:
            observer.close()
