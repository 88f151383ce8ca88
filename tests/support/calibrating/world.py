"""A law from which whole studies are drawn: people and models who judge renditions of scenes, all of it known.

Scenes are a sample: every study has new ones. Values of a scene are a profile, the same in all scenes, and a deviation
of the scene's own. `alike` has the crowd's very values; `other` and `twin` share a profile of their own and deviate
from it independently, so that any difference between these two is chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

ATTRIBUTES = ("colorfulness", "contrast", "preference")
MODELS = ("alike", "other", "twin")
WEIGHTS = np.array([0.4, 0.6])
"""Of contrast and colorfulness in everyone's preference, before standardisation, beside a residual."""
CROWD, OTHER = 0, 1
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Design:
    """A kind of study.

    Attributes
    ----------
    people, scenes, items : int
    repetitions : (int, int, int)
        Times that each of `MODELS` answers a pair; people answer once.
    individual_sd : float
        Of a person's values about the crowd's, drawn anew for each scene and item.
    scene_sd : float
        Of a scene's values about the profile.
    side_bias, side_sd : float
        What the models add to the left image; and the SD of what people add, whose mean is 0.
    noise : float
        Of the models, in SD of a person's difference; 0 is an observer that always answers alike.
    refusals : float
        Share of the models' answers.
    """

    people: int = 20
    scenes: int = 10
    items: int = 7
    repetitions: tuple[int, int, int] = (3, 3, 3)
    individual_sd: float = 0.3
    scene_sd: float = 0.4
    side_bias: float = 0.0
    side_sd: float = 0.0
    noise: float = 1.0
    refusals: float = 0.0


DESIGNS: dict[str, Design] = {
    "typical": Design(),
    "8 people": Design(people=8),
    "3 scenes": Design(scenes=3),
    "5 scenes": Design(scenes=5),
    "20 scenes": Design(scenes=20),
    "people alike": Design(individual_sd=0.0),
    "people differ by .6": Design(individual_sd=0.6),
    "models always answer alike": Design(noise=0.0),
    "models lean to a side": Design(side_bias=0.4),
    "people lean to either side": Design(side_sd=0.25),
    "models refuse 5 %": Design(refusals=0.05),
    "unequal repetitions": Design(repetitions=(3, 3, 9)),
}
"""Typical: 20 people (SD 0.3), 10 scenes, 7 renditions, 3 models of 3 repetitions. The others differ as named."""


def profiles(items: int) -> Floats:
    """Return the mean values of the crowd and of `other` by attribute of two; shape (2, 2, items)."""
    steps = np.linspace(-0.9, 0.9, items)
    wave = 0.8 * np.cos(np.linspace(0, 2.2 * np.pi, items))
    crowd = np.stack([wave, steps])
    return np.stack([crowd, crowd + 0.45 * np.stack([steps[::-1], wave])])


def true_values(design: Design, scenes: int, rng: np.random.Generator) -> Floats:
    """Draw scenes: the values of the crowd, `alike`, `other` and `twin`; shape (4, 3 attributes, scenes, items)."""
    means = profiles(design.items)
    shared = rng.normal(0, design.scene_sd, (2, scenes, design.items))
    both = [means[CROWD][:, None] + shared]
    both += [both[0]]
    for _ in range(2):
        own = rng.normal(0, design.scene_sd, (2, scenes, design.items))
        both.append(means[OTHER][:, None] + 0.7 * shared + 0.7 * own)
    values = np.stack(both)
    residual = rng.normal(0, 0.3, (3, scenes, design.items))[[0, 0, 1, 2]]  # alike shares the crowd's
    # In the order of ATTRIBUTES colorfulness comes first.
    preference = WEIGHTS[1] * values[:, 0] + WEIGHTS[0] * values[:, 1] + residual
    values = np.concatenate([values, preference[:, None]], axis=1)
    return np.asarray(values - values.mean(axis=-1, keepdims=True))


def draw_trials(design: Design, rng: np.random.Generator, *, scenes: int | None = None) -> pd.DataFrame:
    """Draw a study, as a trials table; `scenes` replaces the number of the design."""
    count = design.scenes if scenes is None else scenes
    values = true_values(design, count, rng)
    shape = (design.people, *values.shape[1:])
    people = values[:1] + rng.normal(0, design.individual_sd, shape) if design.individual_sd else values[:1]
    people = np.broadcast_to(people, shape)
    people_bias = rng.normal(0, design.side_sd, design.people) if design.side_sd else np.zeros(design.people)
    frames = [_answers([f"P{i:02}" for i in range(design.people)], people, 1, people_bias, 1.0, 0.0, rng)]
    for place, name in enumerate(MODELS):
        bias = np.array([design.side_bias])
        frames.append(
            _answers(
                [name], values[place + 1][None], design.repetitions[place], bias, design.noise, design.refusals, rng
            )
        )
    table = pd.concat(frames, ignore_index=True)
    return table.assign(
        observer_kind=np.where(table["observer"].isin(MODELS), "vlm", "human"),
        phase="main",
        session="1",
        experiment="simulated",
        definition_sha256="0" * 64,
        trial=np.arange(len(table)),
    )


def _answers(
    names: list[str], values: Floats, times: int, bias: Floats, noise: float, refusals: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Let observers answer all pairs; values of shape (observers, attributes, scenes, items), bias of (observers,)."""
    _, attributes, scenes, items = values.shape
    first, second = np.triu_indices(items, 1)
    difference = np.repeat((values[..., first] - values[..., second])[..., None], times, axis=-1)
    swapped = rng.random(difference.shape) < 0.5
    pull = np.where(swapped, -difference, difference) + bias[:, None, None, None, None]
    left_wins = rng.random(pull.shape) < ndtr(pull / noise) if noise else pull > 0
    refused = rng.random(pull.shape) < refusals if refusals else np.zeros(pull.shape, bool)
    who, what, where, pair, when = (axis.ravel() for axis in np.indices(pull.shape, dtype=np.intp))
    item = np.array([f"c{i}" for i in range(items)], dtype=object)
    turned, gone = swapped.ravel(), refused.ravel()
    return pd.DataFrame(
        {
            "observer": np.array(names, dtype=object)[who],
            "attribute": np.array(ATTRIBUTES[:attributes], dtype=object)[what],
            "scene": np.array([f"s{i:03}" for i in range(scenes)], dtype=object)[where],
            "left": item[np.where(turned, second[pair], first[pair])],
            "right": item[np.where(turned, first[pair], second[pair])],
            "repetition": when + 1,
            "choice": np.where(gone, None, np.where(left_wins.ravel(), "left", "right")),  # type: ignore[call-overload]
            "outcome": np.where(gone, "refusal", "choice"),
        }
    )
