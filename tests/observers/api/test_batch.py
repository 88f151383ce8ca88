"""Batches: submitted by one run, collected by the next, for every provider."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from api_observers import SPECS
from model_server import WRAP, Asked, ModelServer, Says, structured, uniform

from visavis import load_trials, run
from visavis.experiments import Experiment, ObserverError, RunResult
from visavis.observers.accounts import account
from visavis.observers.api import ApiObserver
from visavis.observers.api.batch_channels import split
from visavis.observers.api.batch_store import STATE
from visavis.observers.api.client import BatchLimits, Client

MakeExperiment = Callable[..., Experiment]
Serve = Callable[[Callable[[Asked], Says]], ModelServer]
ObserverAt = Callable[..., ApiObserver]


def by_request(asked: Asked) -> Says:
    return Says(structured("A" if uniform(asked) < 0.5 else "B"))


def quiet(_: str) -> None: ...


@pytest.mark.parametrize("provider", list(SPECS))
def test_a_batch_gives_what_asking_one_by_one_gives(
    provider: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    server, experiment = serve(by_request), make_experiment()

    def batched() -> ApiObserver:
        return observer_at(provider, server, batch="provider")

    submitted = run(experiment, batched(), tmp_path / "batch", warn=quiet)
    assert (submitted.answered, "Come back later" in submitted.stop_reason) == (0, True)
    assert run(experiment, batched(), tmp_path / "batch", warn=quiet).answered == 0
    assert len(server.batches) == 1
    server.batch_ready = True
    collected = run(experiment, batched(), tmp_path / "batch", warn=quiet)
    assert collected.complete
    assert collected.stop_reason == ""
    run(experiment, observer_at(provider, server), tmp_path / "single", warn=quiet)
    columns = ["trial", "outcome", "choice", "chosen", "attempts"]
    batch, single = (load_trials(tmp_path / name)[columns] for name in ("batch", "single"))
    assert batch.equals(single)


@pytest.mark.parametrize("provider", list(SPECS))
def test_a_batch_that_fails_in_parts_gives_what_it_has_and_the_rest_is_submitted_again(
    provider: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    fails = iter(["expired", "status"])

    def partly(asked: Asked) -> Says:
        kind = next(fails, "text")
        return by_request(asked) if kind == "text" else Says("overloaded", kind=kind, status=500)

    server, experiment = serve(partly), make_experiment()

    def batched() -> ApiObserver:
        return observer_at(provider, server, batch="provider")

    planned = run(experiment, batched(), tmp_path, warn=quiet).planned
    server.batch_ready = True
    assert run(experiment, batched(), tmp_path, warn=quiet).outcomes == {"choice": planned - 2, "error": 2}
    assert "2 trials are with the provider" in run(experiment, batched(), tmp_path, warn=quiet).stop_reason
    assert run(experiment, batched(), tmp_path, warn=quiet).outcomes == {"choice": planned}
    assert len(server.batches) == 2


@pytest.mark.parametrize(
    ("provider", "word"),
    [("openai", "failed"), ("google", "BATCH_STATE_FAILED"), ("google", "BATCH_STATE_EXPIRED")],
)
def test_a_batch_that_fails_as_a_whole_is_said_and_submitted_again(
    provider: str, word: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    server, experiment = serve(by_request), make_experiment()

    def batched() -> ApiObserver:
        return observer_at(provider, server, batch="provider")

    run(experiment, batched(), tmp_path, warn=quiet)
    server.batch_ends_as = word
    with pytest.raises(ObserverError, match="submits its trials again"):
        run(experiment, batched(), tmp_path, warn=quiet)
    server.batch_ends_as, server.batch_ready = "", True
    run(experiment, batched(), tmp_path, warn=quiet)
    assert run(experiment, batched(), tmp_path, warn=quiet).complete
    assert len(server.batches) == 2


@pytest.mark.parametrize("provider", list(SPECS))
@pytest.mark.parametrize("ends", ["the program dies", "the line breaks"])
def test_a_batch_whose_id_never_arrived_is_found_and_not_paid_for_twice(
    provider: str,
    ends: str,
    serve: Serve,
    observer_at: ObserverAt,
    make_experiment: MakeExperiment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, experiment = serve(by_request), make_experiment()

    def batched() -> ApiObserver:
        return observer_at(provider, server, batch="provider")

    if ends == "the line breaks":
        server.hang_up_on_batches = True
        with pytest.raises(ObserverError, match="could not be submitted"):
            run(experiment, batched(), tmp_path, warn=quiet)
        server.hang_up_on_batches = False
    else:
        observer = batched()
        submit = observer.client_class.submit_batch

        def submit_and_die(client: Client, requests: Any, mark: str) -> str:
            submit(client, requests, mark)
            raise SystemExit

        with monkeypatch.context() as patched:
            patched.setattr(observer.client_class, "submit_batch", submit_and_die)
            with pytest.raises(SystemExit):
                run(experiment, observer, tmp_path, warn=quiet)
    assert len(server.batches) == 1
    assert run(experiment, batched(), tmp_path, warn=quiet).answered == 0
    server.batch_ready = True
    assert run(experiment, batched(), tmp_path, warn=quiet).complete
    assert len(server.batches) == 1


@pytest.mark.parametrize("provider", list(SPECS))
def test_a_batch_that_never_arrived_is_submitted(
    provider: str,
    serve: Serve,
    observer_at: ObserverAt,
    make_experiment: MakeExperiment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, experiment = serve(by_request), make_experiment()

    def dies(*_: object) -> str:
        raise SystemExit

    observer = observer_at(provider, server, batch="provider")
    with monkeypatch.context() as patched:
        patched.setattr(observer.client_class, "submit_batch", dies)
        with pytest.raises(SystemExit):
            run(experiment, observer, tmp_path, warn=quiet)
    assert not server.batches
    run(experiment, observer_at(provider, server, batch="provider"), tmp_path, warn=quiet)
    server.batch_ready = True
    assert run(experiment, observer_at(provider, server, batch="provider"), tmp_path, warn=quiet).complete
    assert len(server.batches) == 1


def test_answers_that_were_not_asked_for_now_are_not_paid_for_again(
    serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    server, experiment = serve(by_request), make_experiment()

    def batched() -> ApiObserver:
        return observer_at("openai", server, batch="provider")

    run(experiment, batched(), tmp_path, warn=quiet)
    server.batch_ready = True
    assert run(experiment, batched(), tmp_path, limit=4, warn=quiet).answered == 4
    assert run(experiment, batched(), tmp_path, warn=quiet).complete
    assert len(server.batches) == 1


def test_another_session_has_other_ids(
    serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    server, experiment = serve(by_request), make_experiment()
    for session in ("1", "2"):
        observer = observer_at("anthropic", server, batch="provider")
        run(experiment, observer, tmp_path, session=session, warn=quiet)
    one, other = ({item["custom_id"] for item in batch["requests"]} for batch in server.batches.values())
    assert len(one) == len(other) > 0
    assert not one & other


def test_batches_under_way_count_against_the_budget(
    serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    server, experiment = serve(by_request), make_experiment()

    def batched() -> ApiObserver:
        return observer_at(
            "openai", server, batch="provider", prices={"input": 0, "output": 2000}, max_output_tokens=1000, budget=15
        )  # a dollar a trial

    run(experiment, batched(), tmp_path, limit=10, warn=quiet)
    with pytest.raises(ObserverError, match=r"beside \$10\.00 for others"):
        run(experiment, batched(), tmp_path, limit=20, warn=quiet)
    assert len(server.batches) == 1


def test_whole_lines_of_a_file_are_taken_and_damaged_ones_named_and_then_submitted_again(
    serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    server, experiment = serve(by_request), make_experiment()

    def batched() -> RunResult:
        return run(experiment, observer_at("compatible", server, batch="file"), tmp_path, warn=quiet)

    written = batched()
    names = [
        json.loads(line)["custom_id"]
        for line in (written.folder / "batch-1.requests.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    reply = WRAP["chat"](Asked("chat", "m", (), "", (), {}, {}), Says(structured("A")))
    lines = [json.dumps({"custom_id": n, "response": {"status_code": 200, "body": reply}}) for n in names]
    damaged = [lines[0], lines[1][:40], '{"response": null}', *lines[3:]]
    (written.folder / "batch-1.answers.jsonl").write_text("\n".join(damaged), encoding="utf-8")
    first = batched()
    assert first.answered == first.planned - 2
    assert "batch-1: 2 of its answers cannot be read: line 2 (" in first.stop_reason
    assert "line 3 (KeyError: 'custom_id')" in first.stop_reason
    assert not (written.folder / "batch-2.requests.jsonl").exists()
    batched()
    again = (written.folder / "batch-2.requests.jsonl").read_text(encoding="utf-8").splitlines()
    assert sorted(json.loads(line)["custom_id"] for line in again) == sorted(names[1:3])


@pytest.mark.parametrize("form", ["bom", "utf-16", "one list", "crlf", "blank lines", "a line of bad bytes"])
def test_files_of_answers_are_read_as_other_programs_write_them(
    form: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    server, experiment = serve(by_request), make_experiment()

    def batched() -> RunResult:
        return run(experiment, observer_at("compatible", server, batch="file"), tmp_path, warn=quiet)

    folder = batched().folder
    requests = (folder / "batch-1.requests.jsonl").read_text(encoding="utf-8").splitlines()
    reply = WRAP["chat"](Asked("chat", "m", (), "", (), {}, {}), Says(structured("A")))
    answers = [
        {"custom_id": json.loads(one)["custom_id"], "response": {"status_code": 200, "body": reply}} for one in requests
    ]
    text = "\n".join(map(json.dumps, answers))
    content = {
        "bom": text.encode("utf-8-sig"),
        "utf-16": text.encode("utf-16"),
        "one list": json.dumps(answers, indent=1).encode(),
        "crlf": text.replace("\n", "\r\n").encode(),
        "blank lines": text.replace("\n", "\n\n").encode(),
        "a line of bad bytes": text.encode() + b"\n\xff\xfe\n",
    }[form]
    (folder / "batch-1.answers.jsonl").write_bytes(content)
    read = batched()
    assert read.answered == read.planned
    assert read.complete


def test_a_batch_costs_half(
    serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    server = serve(by_request)
    server.batch_ready = True
    prices = {"input": 1000, "output": 0}
    observer = observer_at("openai", server, batch="provider", prices=prices)
    run(make_experiment(), observer, tmp_path, limit=10, warn=quiet)
    run(
        make_experiment(),
        observer_at("openai", server, batch="provider", prices=prices),
        tmp_path,
        limit=10,
        warn=quiet,
    )
    assert account(load_trials(tmp_path))["cost_usd"].iloc[0] == pytest.approx(10 * 0.7 / 2)


def test_a_collection_broken_off_loses_and_doubles_nothing(
    serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    server, experiment = serve(by_request), make_experiment()
    server.batch_ready = True
    run(experiment, observer_at("anthropic", server, batch="provider"), tmp_path, warn=quiet)
    observer = observer_at("anthropic", server, batch="provider")
    observer.folder = next(tmp_path.rglob(STATE)).parent
    observer.prepare(experiment)
    responses = observer.respond(list(experiment.plan(observer.name)))
    next(responses)
    responses.close()  # the program dies here
    assert run(experiment, observer_at("anthropic", server, batch="provider"), tmp_path, warn=quiet).complete
    assert len(server.batches) == 1
    assert load_trials(tmp_path)["trial"].is_unique


def test_what_a_batch_lacks_is_submitted_again(
    serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    server, experiment = serve(by_request), make_experiment()
    run(experiment, observer_at("anthropic", server, batch="provider"), tmp_path, warn=quiet)
    lost = server.batches["msgbatch_0"]["requests"][:4]
    del server.batches["msgbatch_0"]["requests"][:4]
    server.batch_ready = True
    run(experiment, observer_at("anthropic", server, batch="provider"), tmp_path, warn=quiet)
    again = {item["custom_id"] for item in server.batches["msgbatch_1"]["requests"]}
    assert again == {item["custom_id"] for item in lost}
    assert run(experiment, observer_at("anthropic", server, batch="provider"), tmp_path, warn=quiet).complete


def test_a_budget_must_cover_a_whole_batch(
    serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    prices = {"input": 1, "output": 1000}
    server = serve(by_request)
    with pytest.raises(ObserverError, match="passes the budget"):
        run(make_experiment(), observer_at("openai", server, batch="provider", prices=prices, budget=5),
            tmp_path, warn=quiet)  # fmt: skip
    assert not server.batches


def test_files_for_another_program_to_answer(
    serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    server, experiment = serve(by_request), make_experiment()
    written = run(experiment, observer_at("compatible", server, batch="file"), tmp_path, warn=quiet)
    assert "vllm run-batch" in written.stop_reason
    assert not server.asked
    answers = []
    requests = (written.folder / "batch-1.requests.jsonl").read_text(encoding="utf-8").splitlines()
    for line in map(json.loads, requests):
        assert (line["method"], line["url"]) == ("POST", "/v1/chat/completions")
        asked = Asked("chat", "m", (), line["custom_id"], (), {}, {})
        body = WRAP["chat"](asked, by_request(asked))
        answers.append({"id": "x", "custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}})
    answers[0] = {"custom_id": answers[0]["custom_id"], "response": None, "error": {"message": "out of memory"}}
    text = "\n".join(map(json.dumps, answers))
    (written.folder / "batch-1.answers.jsonl").write_text(text, encoding="utf-8")
    read = run(experiment, observer_at("compatible", server, batch="file"), tmp_path, warn=quiet)
    assert read.outcomes == {"choice": len(requests) - 1, "error": 1}
    again = run(experiment, observer_at("compatible", server, batch="file"), tmp_path, warn=quiet)
    assert len((again.folder / "batch-2.requests.jsonl").read_text(encoding="utf-8").splitlines()) == 1


def test_batches_keep_to_the_providers_limits() -> None:
    requests = [(str(i), {"text": "x" * 1000}) for i in range(25)]
    by_number = list(split(iter(requests), BatchLimits(requests=10, megabytes=1)))
    assert [len(batch) for batch in by_number] == [10, 10, 5]
    by_size = list(split(iter(requests * 100), BatchLimits(requests=10**6, megabytes=1)))
    assert sum(len(batch) for batch in by_size) == 2500
    assert max(sum(len(json.dumps(body)) for _, body in batch) for batch in by_size) <= 1e6
    assert 3 <= len(by_size) <= 5
