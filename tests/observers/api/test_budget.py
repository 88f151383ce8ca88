"""A budget holds whatever ends the program: what the server booked never passes it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from api_observers import KEYS
from extras import require_extra
from model_server import Asked, ModelServer, Says, structured

from visavis import load_trials
from visavis.experiments import Experiment
from visavis.observers.accounts import account
from visavis.observers.api.reservations import Reservations
from visavis.stimuli import sample_stimuli

Serve = Callable[[Callable[[Asked], Says]], ModelServer]

KILLS = int(os.environ.get("VISAVIS_KILLS", "3"))
DEFINITION = """
visavis: 1
name: study
stimuli: {folder: images, scenes: [cat, coffee]}
attributes: {contrast: {question: Which image has the higher contrast?}}
repetitions: 3
seed: 1
"""


@pytest.mark.parametrize("who", ["observer", "panel"])
def test_kill_9_with_sixteen_requests_under_way_never_passes_the_budget(who: str, serve: Serve, tmp_path: Path) -> None:
    require_extra("api", "openai", "tenacity")
    booked, lock, rng = [0.0], threading.Lock(), random.Random(5)

    def answer(asked: Asked) -> Says:
        with lock:
            booked[0] += 0.7  # a thousand dollars a million tokens, charged when the request comes in
        return Says(structured("A"), seconds=rng.uniform(0.05, 0.4))

    server = serve(answer)
    sample_stimuli(tmp_path / "images")
    (tmp_path / "study.yaml").write_text(DEFINITION, encoding="utf-8")
    budget, names = 40.0, ["m"] if who == "observer" else ["m", "n"]
    options = {"base_url": f"{server.url}/v1", "concurrency": 16 // len(names), "max_output_tokens": 10,
               "prices": {"input": 1000, "output": 0}}  # fmt: skip
    (tmp_path / "options.yaml").write_text(json.dumps(options), encoding="utf-8")
    panel = {"observers": [{"observer": f"openai-compatible:{name}", "options": options} for name in names]}
    (tmp_path / "panel.yaml").write_text(json.dumps(panel), encoding="utf-8")
    asked = {
        "observer": ["--observer", "openai-compatible:m", "--options", "options.yaml"],
        "panel": ["--panel", "panel.yaml"],
    }[who]
    command = [sys.executable, "-m", "visavis", "run", "study.yaml", *asked, "--budget", str(budget)]
    kept: set[tuple[str, str]] = set()
    for _ in range(KILLS):
        before = len(server.asked)
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while len(server.asked) == before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.6))
        process.kill()
        process.wait()
        assert booked[0] <= budget
        found = answered(tmp_path)
        assert kept <= set(found)  # nothing that was answered is lost
        assert len(found) == len(set(found))  # and nothing is asked again that was
        kept = set(found)
    last = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert "might pass the" in last.stdout
    assert booked[0] <= budget
    assert kept <= set(answered(tmp_path))
    responses = load_trials(tmp_path / "results", every_response=True)
    costs = account(responses)
    settling = [{"provenance": json.loads(text)} for text in responses["provenance"].dropna()]
    left_open = sum(
        Reservations(file.parent, settling).lost_usd for file in (tmp_path / "results").rglob("reservations.jsonl")
    )
    assert costs["cost_usd"].sum() + costs["lost_usd"].sum() + left_open >= booked[0] - 1e-9


def answered(folder: Path) -> list[tuple[str, str]]:
    """Return who answered which trial, so often as it was answered."""
    if not list((folder / "results").rglob("events.jsonl")):
        return []
    table = load_trials(folder / "results", every_response=True)
    table = table[table["outcome"] == "choice"]
    return list(zip(table["observer"], table["trial"], strict=True))


def test_what_a_killed_run_lost_is_in_the_account_though_the_next_one_sent_nothing() -> None:
    known = {"tokens": {"input": 0, "output": 0}, "tries": 0, "cost_usd": 0.0}
    rows = [("e", "m", "1", str(number), json.dumps({**known, "lost_usd": lost})) for number, lost in enumerate((0, 6))]
    costs = account(pd.DataFrame(rows, columns=["experiment", "observer", "session", "trial", "provenance"]))
    assert (costs["trials"].item(), costs["requests"].item(), costs["lost_usd"].item()) == (1, 0, 6)


def test_a_reservation_is_settled_by_the_response_that_names_it_or_released(tmp_path: Path) -> None:
    first = Reservations(tmp_path)
    settled, refused, lost = (first.reserve(name, 2.0) for name in ("a", "b", "c"))
    first.release(refused)
    first.close()
    with (tmp_path / "reservations.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"reserve": "torn')
    later = Reservations(tmp_path, [{"event": "response", "provenance": {"reservations": [settled]}}])
    assert later.lost_usd == 2.0
    assert later.take("c") == {lost: 2.0}
    assert later.take("c") == {}
    later.reserve("d", 1.0)
    later.close()
    assert Reservations(tmp_path, []).lost_usd == 5.0


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_costs_nothing_of_the_budget(
    status: int, serve: Serve, make_experiment: Callable[..., Experiment], tmp_path: Path, observer_at: Callable
) -> None:
    from visavis import run
    from visavis.experiments import ObserverError

    assert KEYS
    server, experiment = serve(lambda _: Says("no", kind="status", status=status)), make_experiment()
    options = {"prices": {"input": 1000, "output": 0}, "budget": 5, "max_output_tokens": 10}
    for _ in range(8):
        with pytest.raises(ObserverError):
            run(experiment, observer_at("openai", server, **options), tmp_path, warn=lambda _: None)
    server.answer = lambda _: Says(structured("A"))
    result = run(experiment, observer_at("openai", server, **options), tmp_path, warn=lambda _: None)
    assert result.answered >= 4
