from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("visavis", deadline=None)  # no test watches the clock, whatever else the machine does
settings.load_profile("visavis")


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own cache, and all share one."""
    monkeypatch.setenv("VISAVIS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
