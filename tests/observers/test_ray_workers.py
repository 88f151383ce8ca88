"""A plan on the workers of a real Ray cluster on this machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from definitions import definition_data
from extras import require_extra

from visavis import load_trials, run
from visavis.experiments import Experiment, ObserverError, Response, Trial
from visavis.observers import SimulatedObserver, SimulatedOptions
from visavis.observers.ray_workers import RayObserver, _Worker

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # Ray's own
    pytest.mark.skipif(sys.platform == "win32", reason="a worker is killed by a POSIX signal"),
]
MakeExperiment = Callable[..., Experiment]
OPTIONS = {"statistics": {"contrast": "rms_contrast", "preference": "rms_contrast"}, "sensitivity": 0.7}


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    require_extra("ray", "ray")
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def test_two_workers_give_the_table_of_one_process(make_experiment: MakeExperiment, tmp_path: Path) -> None:
    experiment = make_experiment(repetitions=6)
    alone = SimulatedObserver("P1", SimulatedOptions(**OPTIONS))  # type: ignore[arg-type]
    run(experiment, alone, tmp_path / "one")
    assert run(experiment, RayObserver("simulated:P1", OPTIONS), tmp_path / "two").complete
    one, two = (load_trials(tmp_path / name).drop(columns="answered_at") for name in ("one", "two"))
    assert one.equals(two)
    start = (next((tmp_path / "two").rglob("events.jsonl"))).read_text(encoding="utf-8").splitlines()[0]
    assert '"executor":"ray","workers":2' in start


def test_a_worker_that_is_killed_costs_no_trial(make_experiment: MakeExperiment, tmp_path: Path) -> None:
    import ray

    experiment = make_experiment(repetitions=6)
    observer = RayObserver("simulated:P1", {**OPTIONS, "seconds_per_trial": 0.02})
    killed: list[int] = []

    def kill() -> None:
        log = next(tmp_path.rglob("events.jsonl"))
        while log.read_text(encoding="utf-8").count('"response"') < 10:
            time.sleep(0.01)
        killed.append(ray.get(observer._workers[0].process.remote()))
        os.kill(killed[0], signal.SIGKILL)

    def kill_once_begun() -> None:
        while not list(tmp_path.rglob("events.jsonl")):
            time.sleep(0.01)
        kill()

    killer = threading.Thread(target=kill_once_begun)
    killer.start()
    result = run(experiment, observer, tmp_path)
    killer.join()
    assert killed
    assert result.complete
    assert result.outcomes == {"choice": len(experiment.plan("P1"))}
    table = load_trials(tmp_path)
    assert table["trial"].tolist() == [trial.id for trial in experiment.plan("P1")]


def test_ctrl_c_hands_over_what_the_workers_have_and_begins_nothing_more(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(repetitions=60)
    trials = list(experiment.plan("P1"))
    observer = RayObserver("simulated:P1", {**OPTIONS, "seconds_per_trial": 0.05})
    observer.prepare(experiment)
    try:
        responses = observer.respond(trials)
        given = [next(responses).trial]
        given.append(responses.throw(KeyboardInterrupt).trial)
        with pytest.raises(KeyboardInterrupt):
            given.extend(response.trial for response in responses)
        assert 2 <= len(given) == len(set(given)) < len(trials)
        rest = [trial for trial in trials if trial.id not in given][:4]
        assert {response.trial for response in observer.respond(rest)} == {trial.id for trial in rest}
    finally:
        observer.close()


def test_a_worker_passes_ctrl_c_on_to_its_observer_and_hands_over_what_comes_then() -> None:
    class Paid(SimulatedObserver):
        def respond(self, trials: Sequence[Trial]) -> Iterator[Response]:
            try:
                for trial in trials:
                    yield Response(trial.id, "refusal")
            except KeyboardInterrupt:
                yield Response("under way", "refusal")
                raise

    worker = _Worker("simulated:P1", OPTIONS, "P1", "1")
    worker.observer = Paid("P1", SimulatedOptions(**OPTIONS))  # type: ignore[arg-type]
    trials = [SimpleNamespace(id=str(number)) for number in range(5)]
    earlier = worker.respond(trials, 1)  # type: ignore[arg-type]
    assert next(earlier).trial == "0"
    worker.interrupt(1)
    assert [response.trial for response in earlier] == ["under way"]
    assert len(list(worker.respond(trials, 2))) == 5  # type: ignore[arg-type]


def test_a_run_that_is_killed_is_resumed(images: Path, tmp_path: Path) -> None:
    import ray

    study, options = tmp_path / "study.yaml", tmp_path / "options.yaml"
    study.write_text(
        json.dumps(definition_data(stimuli={"folder": str(images)}, repetitions=6, sides="random")), encoding="utf-8"
    )
    options.write_text(json.dumps({**OPTIONS, "seconds_per_trial": 0.05}), encoding="utf-8")
    line = [sys.executable, "-m", "visavis", "run", str(study), "--observer", "simulated:P1", "--options", str(options),
            "--workers", "2", "--cluster", ray.get_runtime_context().gcs_address,
            "--results", str(tmp_path / "two")]  # fmt: skip
    with (tmp_path / "output").open("wb") as output:
        driver = subprocess.Popen(line, stdout=output, stderr=output, cwd=tmp_path)
        while sum(log.read_text(encoding="utf-8").count('"response"') for log in tmp_path.rglob("events.jsonl")) < 20:
            assert driver.poll() is None, (tmp_path / "output").read_text(encoding="utf-8")
            time.sleep(0.01)
        driver.kill()
        driver.wait()
    experiment = Experiment.load(study)
    before = len(load_trials(tmp_path / "two"))
    assert 20 <= before < len(experiment.plan("P1"))
    assert run(experiment, RayObserver("simulated:P1", OPTIONS), tmp_path / "two").complete
    run(experiment, SimulatedObserver("P1", SimulatedOptions(**OPTIONS)), tmp_path / "one")  # type: ignore[arg-type]
    one, two = (load_trials(tmp_path / name).drop(columns="answered_at") for name in ("one", "two"))
    assert one.equals(two)
    assert len(load_trials(tmp_path / "two", every_response=True)) == len(one)


def test_an_address_where_no_cluster_is_ends_at_once(
    make_experiment: MakeExperiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **_: pytest.fail("Ray would try for minutes"))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and not listened at
        for address in (f"127.0.0.1:{taken.getsockname()[1]}", f"ray://127.0.0.1:{taken.getsockname()[1]}"):
            with pytest.raises(ObserverError, match=f"no Ray cluster at {address}: start one"):
                RayObserver("simulated:P1", OPTIONS, address=address).prepare(make_experiment())


def test_what_a_worker_cannot_do_is_said_before_anything_is_asked(
    make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    with pytest.raises(ObserverError, match="on a worker: simulated: attribute 'contrast' needs"):
        run(make_experiment(), RayObserver("simulated:P1", {}), tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_the_cluster_does_not_have_is_not_waited_for(make_experiment: MakeExperiment, tmp_path: Path) -> None:
    for more in ({"workers": 3}, {"gpus_per_worker": 1}):
        with pytest.raises(ObserverError, match=r"workers need .* and the Ray cluster has 2 and 0"):
            run(make_experiment(), RayObserver("simulated:P1", OPTIONS, **more), tmp_path)  # type: ignore[arg-type]


def test_gpus_that_workers_do_not_get_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 8.0, "GPU": 2.0})
    for kind, gpus, warned in (("vlm", 0, True), ("vlm", 1, False), ("simulated", 0, False)):
        observer = RayObserver("simulated:P1", OPTIONS, gpus_per_worker=gpus)
        observer.kind = kind  # type: ignore[misc]
        assert bool(observer._check_resources()) == warned


def test_observers_that_workers_do_not_help_are_refused() -> None:
    require_extra("openai", "openai", "tenacity")
    with pytest.raises(ObserverError, match="leave --workers out, and set --concurrency"):
        RayObserver("openai:gpt-5.2")


def test_a_tiny_model_on_two_workers(make_experiment: MakeExperiment, tmp_path: Path) -> None:
    require_extra("local", "torch", "transformers")
    from tiny_models import make_qwen

    folder = make_qwen(tmp_path / "tiny")
    experiment = make_experiment(repetitions=1)
    spec, options = f"transformers:{folder}", {"device": "cpu"}
    assert run(experiment, RayObserver(spec, options, name="tiny"), tmp_path / "two", warn=lambda _: None).complete
    from visavis import create_observer

    run(experiment, create_observer(spec, options, name="tiny"), tmp_path / "one", warn=lambda _: None)
    one, two = (load_trials(tmp_path / name) for name in ("one", "two"))
    assert one["choice"].equals(two["choice"])
    assert (one["p_left"] - two["p_left"]).abs().max() < 1e-5
