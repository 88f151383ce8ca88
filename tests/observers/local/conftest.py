from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from extras import require_extra

from visavis.observers.local.loading import load
from visavis.observers.local.local_options import LocalOptions
from visavis.observers.local.model import VisionModel


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of tiny random models, by the kind of model."""
    require_extra("local", "torch", "transformers")
    from tiny_models import make_internvl, make_qwen

    folder = tmp_path_factory.mktemp("models")
    return {"qwen": make_qwen(folder / "qwen"), "internvl": make_internvl(folder / "internvl")}


@pytest.fixture
def model(tiny: dict[str, Path]) -> Callable[[str], VisionModel]:
    """Load a tiny model by its kind."""
    return lambda kind: VisionModel(load(str(tiny[kind]), LocalOptions(dtype="float32")))
