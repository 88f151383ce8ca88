from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import settings

settings.register_profile("visavis", deadline=None)  # no test watches the clock, whatever else the machine does
settings.load_profile("visavis")


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the user's own cache, and all share one."""
    monkeypatch.setenv("VISAVIS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """What ``visavis demo study`` makes, and its lines: run once for all tests that look at it."""
    from visavis.cli import main

    folder = tmp_path_factory.mktemp("demo") / "study"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VISAVIS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        done = CliRunner().invoke(main, ["demo", str(folder)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return folder, done.output.splitlines()
