from __future__ import annotations

from pathlib import Path

import pytest
from extras import require_extra


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of tiny random models, by the kind of model."""
    require_extra("local", "torch", "transformers")
    from tiny_models import make_internvl, make_qwen

    folder = tmp_path_factory.mktemp("models")
    return {"qwen": make_qwen(folder / "qwen"), "internvl": make_internvl(folder / "internvl")}
