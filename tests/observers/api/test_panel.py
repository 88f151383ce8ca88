"""A panel: every kind of provider asked side by side, one budget that none of them passes, one command that goes on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from api_observers import FAST, SPECS
from click.testing import CliRunner
from extras import require_extra
from model_server import Answer, Asked, ModelServer, Says, higher_contrast, structured

from visavis import load_trials
from visavis.cli import main
from visavis.experiments import Experiment
from visavis.observers.accounts import account
from visavis.panel import Panel, PanelError, run_panel

MakeExperiment = Callable[..., Experiment]
Serve = Callable[[Answer], ModelServer]
PRICES = {"input": 1000, "output": 1000}  # a dollar for a thousand tokens


@pytest.fixture(autouse=True)
def _extra() -> None:
    require_extra("api", "openai", "anthropic", "google.genai", "tenacity")


def address(provider: str, server: ModelServer) -> str:
    return server.url + ("" if provider in ("anthropic", "google") else "/v1")


def panel_of(server: ModelServer, *providers: str, budget: float | None = None, **options: Any) -> Panel:
    members = [
        {
            "observer": SPECS[name],
            "name": name,
            "options": {"base_url": address(name, server), "prices": PRICES, **FAST, **options},
        }
        for name in providers
    ]
    return Panel.model_validate({"observers": members, **({} if budget is None else {"budget": budget})})


def test_all_providers_answer_side_by_side(serve: Serve, make_experiment: MakeExperiment, tmp_path: Path) -> None:
    together, most = set(), 0
    lock = threading.Lock()

    def answer(asked: Asked) -> Says:
        nonlocal most
        with lock:
            together.add(asked.model)
            most = max(most, len(together))
        return higher_contrast(asked)

    experiment = make_experiment()
    finished = run_panel(experiment, panel_of(serve(answer), *SPECS), tmp_path)
    assert [one.name for one in finished] == list(SPECS)
    assert all(one.result is not None and one.result.complete for one in finished)
    assert most == len(SPECS)
    trials = load_trials(tmp_path)
    assert trials.groupby("observer").size().to_dict() == dict.fromkeys(SPECS, len(experiment.plan("x")))


@pytest.mark.parametrize("budget", [6.0, 25.0])
def test_one_budget_is_for_all_of_them_and_for_every_run(
    serve: Serve, make_experiment: MakeExperiment, tmp_path: Path, budget: float
) -> None:
    server = serve(higher_contrast)
    experiment = make_experiment()
    for again in range(3):
        finished = run_panel(
            experiment, panel_of(server, "openai", "anthropic", "google", max_output_tokens=30), tmp_path, budget=budget
        )
        spent = account(load_trials(tmp_path, unanswered=False))["cost_usd"].sum()
        assert 0 < spent <= budget, f"run {again}"
    stopped = [one for one in finished if one.result is not None and not one.result.complete]
    assert stopped
    assert all(f"the panel's budget of ${budget:.2f}" in one.result.stop_reason for one in stopped if one.result)


def test_a_member_that_fails_ends_alone(serve: Serve, make_experiment: MakeExperiment, tmp_path: Path) -> None:
    def answer(asked: Asked) -> Says:
        return Says("wrong key", kind="status", status=401) if asked.provider == "anthropic" else higher_contrast(asked)

    finished = run_panel(make_experiment(), panel_of(serve(answer), "openai", "anthropic"), tmp_path)
    good, bad = finished
    assert good.result is not None
    assert good.result.complete
    assert "key is not accepted" in bad.failure
    again = run_panel(make_experiment(), panel_of(serve(higher_contrast), "openai", "anthropic"), tmp_path)
    assert all(one.result is not None and one.result.complete for one in again)
    assert not load_trials(tmp_path).duplicated(["observer", "session", "trial"]).any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("observers: []", "observers: tuple should have at least 1 item"),
        ("observer: x", "observers: field required; observer: extra inputs are not permitted"),
        ("observers:\n  - {observer: 'openai:gpt-5.2', option: {}}", r"observers\.0\.option: extra inputs"),
        ("- openai:gpt-5.2", "expected a mapping with 'observers'"),
        ("observers:\n  - observer: [", "line 2"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_field(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "panel.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PanelError, match=message) as problem:
        Panel.load(tmp_path / "panel.yaml")
    assert "panel.yaml: " in str(problem.value)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([{"observer": "openai:gpt-5.2"}] * 2, r"observers\.1: the name 'gpt-5.2' is taken"),
        ([{"observer": "openai:gpt-5.2", "options": {"effort": "huge"}}], r"observers\.0: gpt-5.2 does not accept"),
        ([{"observer": "human", "name": "P07"}], r"observers\.0: a person answers alone"),
    ],
)
def test_members_that_cannot_be_asked_together_are_refused(members: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(PanelError, match=message):
        Panel.model_validate({"observers": members}).make()


def test_a_shared_budget_needs_every_price(serve: Serve, make_experiment: MakeExperiment, tmp_path: Path) -> None:
    server = serve(higher_contrast)
    unknown = {"observer": SPECS["compatible"], "options": {"base_url": address("compatible", server), **FAST}}
    panel = Panel.model_validate({"observers": [unknown], "budget": 5})
    with pytest.raises(PanelError, match="a budget needs prices"):
        run_panel(make_experiment(), panel, tmp_path)
    assert not server.asked


def test_from_the_command_line(
    serve: Serve, make_experiment: MakeExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(lambda _: Says(structured("A")))
    experiment = make_experiment()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Experiment, "load", lambda _: experiment)
    (tmp_path / "study.yaml").write_text("", encoding="utf-8")
    members = [member.model_dump() for member in panel_of(server, "openai", "xai").observers]
    (tmp_path / "panel.yaml").write_text(json.dumps({"observers": members}), encoding="utf-8")

    def visavis(*words: str) -> Any:
        return CliRunner().invoke(main, list(words))

    checked = visavis("check", "study.yaml", "--panel", "panel.yaml")
    assert checked.exit_code == 0
    assert checked.output.count("about $") == 2
    ran = visavis("run", "study.yaml", "--panel", "panel.yaml", "--budget", "1000")
    assert ran.exit_code == 0, ran.output
    assert ran.output.count(f"{len(experiment.plan('x'))} of {len(experiment.plan('x'))}") == 2
    for words, message in (
        ((), "say who answers"),
        (("--panel", "panel.yaml", "--observer", "x"), "say who answers"),
        (("--panel", "panel.yaml", "--effort", "low"), "effort: in a panel options stand in its file"),
        (("--panel", "panel.yaml", "--budget", "much"), "expected US dollars"),
        (("--panel", "panel.yaml", "--repetitions", "2"), "in a panel they stand in its file"),
    ):
        refused = visavis("run", "study.yaml", *words)
        assert (refused.exit_code, message in refused.output) == (2, True), refused.output


def test_what_is_wrong_with_a_member_is_put_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "panel.yaml").write_text("observers:\n  - observer: metric:nonesuch\n", encoding="utf-8")
    assert CliRunner().invoke(main, ["new", "study.yaml"]).exit_code == 0
    monkeypatch.setattr(Experiment, "load", lambda _: None)
    refused = CliRunner().invoke(main, ["run", "study.yaml", "--panel", "panel.yaml"])
    assert refused.exit_code == 1
    assert "panel.yaml: observers.0: unknown metric 'nonesuch'" in refused.output


def test_the_panel_of_the_study_can_be_made() -> None:
    from importlib.resources import files

    observers = Panel.load(str(files("visavis").joinpath("panel-iqa-three-scales.yaml"))).make()
    assert len(observers) == 6
