from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from definitions import definition_data

from visavis.experiments import Definition, Experiment
from visavis.experiments.experiment import load_stimuli
from visavis.stimuli import encode_png

RENDITIONS = ("c1", "c2", "c3", "c4")


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenes whose contrast rises and whose colour falls from c1 to c4."""
    folder = tmp_path_factory.mktemp("stimuli") / "images"
    ramp = np.linspace(-1, 1, 32)[None, :, None] * np.ones((24, 1, 1))
    for s, scene in enumerate(("coast", "market")):
        for r, rendition in enumerate(RENDITIONS):
            picture = 128 + (20 + 25 * r) * ramp + np.array([40 - 10 * r, 0, 10 * r - 40]) + 3 * s
            path = folder / scene / f"{rendition}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_png(np.clip(picture, 0, 255).astype(np.uint8)))
    return folder


@pytest.fixture
def make_experiment(images: Path) -> Callable[..., Experiment]:
    def make(**changes: object) -> Experiment:
        definition = Definition.from_dict(definition_data(**changes))
        return Experiment(definition, load_stimuli(definition, images.parent))

    return make
