from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from definitions import definition_data
from PIL import Image

from visavis.experiments import Definition, Experiment

SCENES = ("coast", "market", "street")
RENDITIONS = ("c1", "c2", "c3", "c4")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of three scenes in four renditions, all different."""
    rng = np.random.default_rng(1)
    for scene in SCENES:
        for rendition in RENDITIONS:
            path = tmp_path / "images" / scene / f"{rendition}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).save(path)
    return tmp_path / "images"


@pytest.fixture
def experiment(images: Path) -> Experiment:
    from visavis.experiments.experiment import load_stimuli

    definition = Definition.from_dict(definition_data())
    return Experiment(definition, load_stimuli(definition, images.parent))
