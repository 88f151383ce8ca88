"""From a definition to the comparison through the real SDKs: what the server's model is like, the analysis finds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from model_server import Asked, ModelServer, Says, structured

from visavis import load_trials, run
from visavis.experiments import Experiment
from visavis.observers.api import ApiObserver
from visavis.scaling import count_by_order, fit_order_effect, side_bias
from visavis.stimuli import STATISTICS

SENSITIVITY, BIAS = 1.2, 0.45
"""In SD of a difference; the bias favours the first image."""


def test_contrast_and_side_bias_of_a_noisy_model_are_recovered(
    serve: Callable[[Callable[[Asked], Says]], ModelServer],
    observer_at: Callable[..., ApiObserver],
    make_experiment: Callable[..., Experiment],
    tmp_path: Path,
) -> None:
    experiment = make_experiment(
        attributes={"contrast": {"question": "Which?"}}, repetitions=150, sides="both_orders",
        stimuli={"folder": "images", "scenes": ["coast"]},
    )  # fmt: skip
    contrast = STATISTICS["rms_contrast"]
    spread = float(np.std([stimulus.statistic("rms_contrast") for stimulus in experiment.stimuli.values()]))
    noise = np.random.default_rng(4)

    def judge(asked: Asked) -> Says:
        difference = contrast(asked.pixels(0)) - contrast(asked.pixels(1))
        felt = SENSITIVITY * difference / spread + BIAS + noise.standard_normal()
        return Says(structured("A" if felt > 0 else "B"))

    observer = observer_at("openai", serve(judge), concurrency=1)
    assert run(experiment, observer, tmp_path, warn=lambda _: None).complete
    trials = load_trials(tmp_path)
    found = fit_order_effect(count_by_order(trials), method="ml")
    truth = [SENSITIVITY * experiment.stimuli["coast", item].statistic("rms_contrast") / spread for item in found.items]
    error = np.sqrt(np.diag(found.covariance))[:-1]
    assert np.all(np.abs(found.values - (truth - np.mean(truth))) < 3.5 * error)
    assert found.bias == pytest.approx(BIAS, abs=3.5 * found.bias_se)
    assert side_bias(trials)["p_value"].item() < 0.001
