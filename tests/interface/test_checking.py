"""What ``check`` and ``plan`` tell of a definition that can be used, and may not be what was meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from api_observers import KEYS
from click.testing import CliRunner, Result
from extras import require_extra

from visavis.cli import main
from visavis.stimuli import encode_png

Told = Callable[..., Result]

ONCE = "each pair is asked once, so VR% and repeat noise cannot be measured: set 'repetitions'"
ONE_ROUND = "one round of adaptive pairs is a random one: set 'repetitions' to the number of rounds"


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Run a command on a definition of two scenes and two renditions, with more lines."""
    monkeypatch.chdir(tmp_path)
    for scene, shift in (("harbour", 0), ("garden", 20)):
        for name, level in (("low", 40 + shift), ("high", 200 + shift)):
            path = tmp_path / "images" / scene / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_png(np.full((32, 32, 3), level, np.uint8)))

    def run(lines: str, command: str, *words: str) -> Result:
        text = "visavis: 1\nname: x\nseed: 1\nstimuli: {folder: images}\nattributes: {a: {question: Which?}}\n"
        Path("study.yaml").write_text(f"{text}{lines}\n", encoding="utf-8")
        return CliRunner().invoke(main, [command, "study.yaml", *words])

    return run


@pytest.mark.parametrize(
    ("lines", "words", "warnings"),
    [
        ("", (), [ONCE]),
        ("", ("--repetitions", "2"), []),
        ("repetitions: 2", (), []),
        ("sides: both_orders", (), []),
        ("pairs: {design: adaptive}", (), [ONE_ROUND]),
        ("pairs: {design: adaptive}", ("--repetitions", "3"), []),
    ],
)
def test_what_cannot_be_measured_is_told(told: Told, lines: str, words: tuple[str, ...], warnings: list[str]) -> None:
    found = told(lines, "check", *words)
    assert found.exit_code == 0, found.output
    assert [line[10:] for line in found.output.splitlines() if line.startswith("warning")] == warnings


@pytest.mark.parametrize(("scene", "warned"), [("garden", True), ("harbour", False)])
def test_a_catch_trial_in_a_scene_for_practice_is_told(told: Told, scene: str, warned: bool) -> None:
    catch = f"catch: [{{attribute: a, scene: {scene}, expect: low, over: high}}]"
    found = told(f"practice: {{trials: 1, scenes: [garden]}}\n{catch}", "check")
    assert found.exit_code == 0, found.output
    assert ("catch.0.scene: 'garden' is kept for practice" in found.output) == warned


@pytest.mark.parametrize(("rounds", "said"), [(1, False), (3, True)])
def test_the_plan_of_adaptive_pairs_says_that_later_ones_are_not_chosen_yet(
    told: Told, rounds: int, said: bool
) -> None:
    found = told(f"pairs: {{design: adaptive}}\nrepetitions: {rounds}", "plan", "--observer", "P1")
    assert len(found.stdout.splitlines()) == 1 + 2 * rounds
    assert ("From the second repetition on" in found.stderr) == said


def test_the_estimate_needs_no_key(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    require_extra("openai", "openai", "tenacity")
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    words = ("--observer", "openai:gpt-5.2", "--prices", '{"input": 1, "output": 8}')
    found = told("", "check", *words)
    assert found.exit_code == 0, found.output
    assert "tokens read" in found.output
    assert "about $0.00" in found.output
    assert "warning   gpt-5.2: no key: put it into the environment variable OPENAI_API_KEY" in found.output
    assert "can do it once it has its key" in found.output
    ran = told("", "run", *words)
    assert (ran.exit_code, "no key" in ran.output) == (1, True)
