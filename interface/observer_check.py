"""Ask an observer a few trials whose answers are known, to see whether it works and what it sees."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visavis.experiments import Definition, Experiment, Observer
from visavis.experiments.experiment import load_stimuli
from visavis.stimuli import sample_stimuli

_SETTING = ("sdk", "torch", "model_class", "processor_class", "image_processor", "revision", "device", "dtype",
            "parameters", "label_tokens")  # fmt: skip
_SHOWN = ("raw", "thoughts", "label_probabilities", "label_mass", "served_model", "tokens", "cost_usd", "error", "key")


@dataclass(frozen=True)
class CheckedTrial:
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


def check_observer(
    observer: Observer, warn: Callable[[str], None], say: Callable[[str], None]
) -> Iterator[CheckedTrial]:
    """Ask three trials with an obvious answer on sample photographs; nothing is kept.

    Parameters
    ----------
    observer : Observer
        Closed at the end.
    warn : callable
        Called with each warning of the observer.
    say : callable
        Called with each line that the observer says of itself once it is ready.
    """
    with tempfile.TemporaryDirectory() as folder:
        sample_stimuli(Path(folder) / "images")
        definition = Definition.from_dict(
            {
                "visavis": 1,
                "name": "check",
                "seed": 1,
                "stimuli": {
                    "folder": "images",
                    "scenes": ["cat", "coffee"],
                    "renditions": ["contrast-low", "contrast-high"],
                },
                "attributes": {"contrast": {"question": "Which image has the higher contrast?"}},
                "sides": "both_orders",
            }
        )
        experiment = Experiment(definition, load_stimuli(definition, Path(folder)))
        try:
            for warning in observer.prepare(experiment):
                warn(warning)
            setting = observer.describe()
            for name in _SETTING:
                if setting.get(name):
                    say(f"{name.replace('_', ' '):15} {setting[name]}")
            # Three of two pairs in both orders: who always says left is right at most twice.
            trials = {trial.id: trial for trial in experiment.plan(observer.name)[:3]}
            for response in observer.respond(list(trials.values())):
                trial = trials[response.trial]
                chosen = trial.rendition(response.choice) if response.choice in ("left", "right") else None
                known = {name: _rounded(response.provenance[name]) for name in _SHOWN if name in response.provenance}
                for label, image in zip(("left", "right"), response.provenance.get("images", ()), strict=False):
                    known[f"image {label}"] = _image(image)
                if response.p_left is not None:
                    known = {"p_left": round(response.p_left, 4), **known}
                yield CheckedTrial(
                    definition.question(trial.attribute),
                    f"{trial.scene}, {trial.left} on the left, {trial.right} on the right",
                    f"{response.choice or response.outcome}{f' ({chosen})' if chosen else ''}",
                    chosen == "contrast-high",
                    known,
                )
        finally:
            observer.close()


def _image(record: Mapping[str, Any]) -> str:
    """Say in which size an image was sent, and what the model's processor made of it, where that is known."""
    sent = f"{record['width']}×{record['height']} px"
    seen = record.get("seen")
    if seen is None:
        return sent
    tiles = f" in {seen['tiles']} tiles" if seen["tiles"] > 1 else ""
    return f"{sent}, seen as {seen['width']}×{seen['height']}{tiles}, {seen['tokens']} tokens"


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_rounded(item)}" for key, item in value.items())
    return round(value, 4) if isinstance(value, float) else value
