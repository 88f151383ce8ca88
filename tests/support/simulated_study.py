"""The whole study in simulation: people and six models whose truth is known, and that truth beside the estimate."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm, spearmanr

from visavis import Definition, Experiment, load_trials, run
from visavis.experiments.experiment import load_stimuli
from visavis.observers import SimulatedObserver, SimulatedOptions
from visavis.scaling import PEOPLE, Comparison, Options, Resampling, compare
from visavis.stimuli import sample_stimuli

STATISTICS = {"contrast": "rms_contrast", "colorfulness": "colorfulness"}
CROWD = SimulatedOptions(
    statistics=STATISTICS, weights={"preference": {"contrast": 0.4, "colorfulness": 0.6}}, individual_sd=0.25
)


def _model(
    contrast: float, sensitivity: float, side_bias: float = 0.0, refusal: float = 0.0, **more: str
) -> SimulatedOptions:
    return SimulatedOptions(
        statistics={**STATISTICS, **more},
        weights={"preference": {"contrast": contrast, "colorfulness": 1 - contrast}},
        sensitivity=sensitivity,
        side_bias=side_bias,
        refusal_rate=refusal,
    )


MODELS = {
    "like people": _model(0.4, 1.2),
    "loves contrast": _model(0.9, 1.2),
    "noisy": _model(0.4, 0.35),
    "leans left": _model(0.4, 1.0, side_bias=0.6),
    "refuses": _model(0.5, 1.0, refusal=0.08),
    "blind to color": _model(0.6, 1.0, colorfulness="mean_lightness"),
}
"""Weight of contrast in preference, sensitivity, side bias, refusals, and what is taken for color."""


def study(
    folder: Path, people: int, scenes: int, *, seed: int = 0, resamples: int = 500
) -> tuple[Experiment, Comparison]:
    """Run everyone: people once, models three times a pair, and compare."""
    if not (folder / "images").exists():
        sample_stimuli(folder / "images")
    definition = Definition.from_dict(
        {
            "visavis": 1, "name": "simulated study", "seed": 11 + seed, "stimuli": {"folder": "images"},
            "repetitions": 1,
            "attributes": {name: {"question": f"{name}?"} for name in ("contrast", "colorfulness", "preference")},
        }
    )  # fmt: skip
    known = load_stimuli(definition, folder)
    definition = definition.model_copy(
        update={"stimuli": definition.stimuli.model_copy(update={"scenes": known.scenes[:scenes]})}
    )
    experiment = Experiment(definition, load_stimuli(definition, folder))
    for number in range(people):
        person = SimulatedObserver(f"person {number + 1:02}", CROWD.model_copy(update={"seed": seed}))
        run(experiment, person, folder / f"results {seed}")
    for name, options in MODELS.items():
        model = SimulatedObserver(name, options.model_copy(update={"seed": seed}))
        run(experiment, model, folder / f"results {seed}", repetitions=3)
    comparison = compare(
        load_trials(folder / f"results {seed}"), people=["person *"], options=Options(resampling=Resampling(resamples))
    )
    return experiment, comparison


def truth_beside_estimate(experiment: Experiment, comparison: Comparison) -> pd.DataFrame:
    """Return ``observer, figure, truth, estimate, low, high`` for what the report shows and the simulation knows."""
    rows: list[tuple[str, str, float, float, float, float]] = []
    nan = float("nan")
    crowd = _values(experiment, CROWD.model_copy(update={"individual_sd": 0.0}))
    alignment = comparison.alignment.set_index(["observer", "attribute"]).sort_index()
    weights = comparison.weights.set_index(["observer", "attribute"]).sort_index()
    within = comparison.vr_within.set_index(["observer", "attribute"]).sort_index()
    spread = comparison.spreads.set_index(["observer", "attribute"]).sort_index()
    sides = comparison.side_bias.set_index("observer")
    outcomes = comparison.outcomes.set_index("observer")
    scales = comparison.scene_scales.set_index(["observer", "attribute", "scene", "item"]).sort_index()["value"]
    weight = ["normalised", "normalised_low", "normalised_high"]
    rows.append(("people", "weight of contrast", 0.4, *weights.loc[(PEOPLE, "contrast"), weight]))
    for name, options in MODELS.items():
        own = _values(experiment, options)
        for attribute in comparison.attributes:
            mean = [table.xs(attribute).groupby("rendition").mean() for table in (own, crowd)]
            true_rho = spearmanr(*mean).statistic
            rows.append((name, f"ρ {attribute}", true_rho, *alignment.loc[(name, attribute), ["rho", "low", "high"]]))
            true_vr = _vr(own.xs(attribute), options)
            rows.append((name, f"VR% {attribute}", true_vr, *within.loc[(name, attribute), ["any", "low", "high"]]))
        if name != "blind to color":  # its attributes are nearly the same thing, so the weights cannot be told
            true_weight = options.weights["preference"]["contrast"]
            rows.append((name, "weight of contrast", true_weight, *weights.loc[(name, "contrast"), weight]))
        found = scales.xs((name, "contrast"))
        both = pd.concat([own.xs("contrast").rename_axis(["scene", "item"]), found], axis=1, keys=["true", "found"])
        slope = np.polyfit(both["true"] / options.sensitivity, both["found"], 1)[0]
        rows.append((name, "sensitivity", options.sensitivity, slope, nan, nan))
        by_scene = own.xs("contrast").groupby("scene")
        true_spread = float(np.sqrt(by_scene.var(ddof=0).mean()))
        rows.append((name, "spread contrast", true_spread, *spread.loc[(name, "contrast"), ["spread", "low", "high"]]))
        share = sides.loc[name, ["left_share", "left_low", "left_high"]]
        rows.append((name, "share of left", _left(own, options), *share))
        refused = outcomes.loc[name].get("refusal", 0) / outcomes.loc[name, "trials"]
        rows.append((name, "refusals", options.refusal_rate, refused, nan, nan))
    return pd.DataFrame(rows, columns=["observer", "figure", "truth", "estimate", "low", "high"])


def _values(experiment: Experiment, options: SimulatedOptions) -> pd.Series:
    values = SimulatedObserver("truth", options).true_values(experiment)
    return values.set_index(["attribute", "scene", "rendition"])["value"].sort_index()


def _differences(values: pd.Series) -> np.ndarray:
    by_scene = [part.to_numpy() for _, part in values.groupby("scene")]
    return np.array([a - b for part in by_scene for a, b in combinations(part, 2)])


def _vr(values: pd.Series, options: SimulatedOptions) -> float:
    """Chance of three repetitions not being unanimous, in %: over the sides that are shown, which are mixed."""
    difference = _differences(values)
    as_left, as_right = norm.cdf(difference + options.side_bias), norm.cdf(difference - options.side_bias)
    unanimous = [
        (a * b * c + (1 - a) * (1 - b) * (1 - c)).mean()
        for a, b, c in ((as_left, as_left, as_right), (as_left, as_right, as_right))
    ]
    return 100 * (1 - float(np.mean(unanimous)))


def _left(values: pd.Series, options: SimulatedOptions) -> float:
    shares = []
    for _, part in values.groupby("attribute"):
        difference = _differences(part.droplevel("attribute"))
        shares.append(np.mean([norm.cdf(d + options.side_bias) for d in (*difference, *-difference)]))
    return float(np.mean(shares))
