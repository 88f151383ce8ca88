"""The real SDKs against a server that speaks their formats: every provider, every kind of trouble, one outcome each."""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from api_observers import KEY_OF, SPECS
from model_server import WRAP, Asked, ModelServer, Says, structured

from visavis.experiments import Experiment, ObserverError, Response
from visavis.observers.api import ApiObserver
from visavis.observers.api.failures import AccessRefused, BrokenOff, RequestRefused, TemporaryFailure, WrongShape

MakeExperiment = Callable[..., Experiment]
Serve = Callable[[Callable[[Asked], Says]], ModelServer]
ObserverAt = Callable[..., ApiObserver]

ANSWER = Says(structured("A"))
PROVIDERS = list(SPECS)


def one_response(
    provider: str, says: list[Says], serve: Serve, observer_at: ObserverAt, experiment: Experiment, **options: Any
) -> tuple[Response, ModelServer]:
    """Ask one trial of a server that says these things, one after the other, and the last for ever."""
    script = itertools.chain(says, itertools.repeat(says[-1]))
    server = serve(lambda _: next(script))
    observer = observer_at(provider, server, **options)
    observer.prepare(experiment)
    (response,) = observer.respond([experiment.plan(observer.name)[0]])
    return response, server


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_answer_is_a_choice_with_all_that_is_known_of_it(
    provider: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    experiment = make_experiment()
    response, server = one_response(provider, [ANSWER], serve, observer_at, experiment)
    assert (response.outcome, response.choice, response.attempts) == ("choice", "left", 1)
    known = response.provenance
    assert known["requested_model"] == SPECS[provider].partition(":")[2]
    assert known["served_model"] == "served-model-1"
    assert known["tokens"]["input"] == 700
    assert known["tokens"]["output"] >= 20
    assert known["tries"] == 1
    assert json.loads(known["raw"]) == {"answer": "A"}
    assert known["sdk"].split()[0] in ("openai", "anthropic", "google-genai")
    assert response.response_time_s is not None
    assert response.response_time_s > 0
    trial = experiment.plan(observer_at(provider, server).name)[0]
    shown = [experiment.stimuli[trial.scene, name] for name in (trial.left, trial.right)]
    assert server.asked[0].images == tuple(stimulus.path.read_bytes() for stimulus in shown)
    assert [image["pixels_sha256"] for image in known["images"]] == [[s.pixels_sha256] for s in shown]


TROUBLE = {
    "429 with Retry-After": Says(kind="status", status=429, headers={"Retry-After": "0.05"}),
    "500": Says(kind="status", status=500),
    "529": Says(kind="status", status=529),
    "time-out": Says(kind="text", text=structured("A"), seconds=1.5),
    "closed connection": Says(kind="close"),
    "connection closed within the body": Says(structured("A"), kind="cut"),
    "broken JSON": Says(kind="broken"),
    "HTML": Says(kind="html"),
    "wrong shape": Says(kind="shape"),
}


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_trouble_of_the_server_is_tried_again_and_is_nobodys_answer(
    provider: str, trouble: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    timeout_s = 1.0 if trouble == "time-out" else 5
    response, server = one_response(
        provider, [TROUBLE[trouble], ANSWER], serve, observer_at, make_experiment(), timeout_s=timeout_s
    )
    assert (response.outcome, response.choice, response.attempts) == ("choice", "left", 1)
    assert response.provenance["tries"] == len(server.asked) == 2
    # Whoever wrote a reply charges for it, also where it never arrives.
    assert response.provenance.get("lost_replies", 0) == (TROUBLE[trouble].kind != "status")


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_trouble_that_does_not_end_is_an_error_to_be_asked_again(
    provider: str, trouble: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    timeout_s = 0.5 if trouble == "time-out" else 5
    response, server = one_response(
        provider, [TROUBLE[trouble]], serve, observer_at, make_experiment(), timeout_s=timeout_s
    )
    assert (response.outcome, response.choice, response.settled) == ("error", None, False)
    assert response.provenance["tries"] == len(server.asked) == 3
    assert response.provenance["error"].startswith("TemporaryFailure: ")


NO_CHOICE = {
    "refusal": (Says(kind="refusal", text="I will not."), "refusal", {"google": "filtered"}),
    "truncation": (Says(kind="truncated"), "truncated", {}),
    "filter": (Says(kind="filtered"), "filtered", {"anthropic": "refusal"}),
}


@pytest.mark.parametrize("case", NO_CHOICE)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_reply_that_is_no_answer_has_an_outcome_of_its_own_and_is_not_asked_again(
    provider: str, case: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    says, outcome, elsewhere = NO_CHOICE[case]
    response, server = one_response(provider, [says], serve, observer_at, make_experiment())
    assert (response.outcome, response.choice) == (elsewhere.get(provider, outcome), None)
    assert response.settled
    assert len(server.asked) == 1
    assert response.provenance["finish_reason"]


WORDS = {
    "label in the middle of prose": "I think the image A has more contrast than the other.",
    "both labels": "A and B",
    "another language": "左边的图片",
    "another label": structured("C"),
    "nothing": "",
}


@pytest.mark.parametrize(
    ("provider", "case"),
    [(provider, case) for provider in PROVIDERS for case in WORDS],
)
def test_words_that_are_no_answer_are_asked_again_so_often_and_then_invalid(
    provider: str, case: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    says = Says(WORDS[case])
    response, server = one_response(provider, [says], serve, observer_at, make_experiment(), reasks=1)
    assert (response.outcome, response.choice, response.attempts) == ("invalid", None, 2)
    assert response.provenance["raw"] == WORDS[case]
    assert [earlier["raw"] for earlier in response.provenance["earlier"]] == [WORDS[case]]
    assert len(server.asked) == 2
    assert response.provenance["tokens"]["input"] == 1400


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_re_ask_that_is_answered_counts(
    provider: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    says = [Says("Both are fine."), Says(structured("B"))]
    response, _ = one_response(provider, says, serve, observer_at, make_experiment())
    assert (response.outcome, response.choice, response.attempts) == ("choice", "right", 2)


@pytest.mark.parametrize(("status", "told"), [(401, "key"), (403, "key may not"), (404, "does not exist")])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_bad_key_or_a_missing_model_ends_the_run_at_the_first_request(
    provider: str, status: int, told: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    key = KEY_OF[provider]
    server = serve(lambda _: Says(f"bad key {key}", kind="status", status=status))
    options = {"key_env": "OPENAI_API_KEY"} if provider == "compatible" else {}
    observer = observer_at(provider, server, concurrency=1, **options)
    experiment = make_experiment()
    observer.prepare(experiment)
    with pytest.raises(ObserverError, match=told) as raised:
        list(observer.respond(list(experiment.plan(observer.name))))
    assert len(server.asked) == 1
    assert key in str(server.asked[0].headers)
    assert key not in str(raised.value)
    assert "[key]" in str(raised.value)


SAID_UNDER_OTHER_STATUSES = {
    "google": ("API key not valid. Please pass a valid API key.", "the key is not accepted"),
    "xai": ("Incorrect API key provided: xa***.", "the key is not accepted"),
    "openai": ("model_not_found: The requested model does not exist.", "the model or address does not exist"),
}


@pytest.mark.parametrize("provider", SAID_UNDER_OTHER_STATUSES)
def test_a_bad_key_or_a_missing_model_is_known_by_its_words_too(
    provider: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    words, told = SAID_UNDER_OTHER_STATUSES[provider]
    server = serve(lambda _: Says(words, kind="status", status=400))
    observer, experiment = observer_at(provider, server, concurrency=1), make_experiment()
    observer.prepare(experiment)
    with pytest.raises(ObserverError, match=told):
        list(observer.respond(list(experiment.plan(observer.name))))
    assert len(server.asked) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_a_filter_does_not_let_in_is_filtered_and_settled(
    provider: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    says = Says("content_policy_violation: rejected by the safety system", kind="status", status=400)
    response, server = one_response(provider, [says], serve, observer_at, make_experiment())
    assert (response.outcome, response.settled, len(server.asked)) == ("filtered", True, 1)
    assert "safety system" in response.provenance["raw"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_address_where_nothing_runs_ends_the_run_at_once(
    provider: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    server = serve(lambda _: ANSWER)
    observer, experiment = observer_at(provider, server, tries=50, first_wait_s=5, longest_wait_s=60), make_experiment()
    observer.prepare(experiment)
    server.shutdown()
    server.server_close()
    with pytest.raises(ObserverError, match=r"no server answers at http://127\.0\.0\.1.*is running"):
        list(observer.respond(list(experiment.plan(observer.name))))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, (*path, key))


def with_junk(value: Any, path: tuple[Any, ...], junk: Any) -> Any:
    if not path:
        return junk
    whole = copy.deepcopy(value)
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = junk
    return whole


@pytest.mark.parametrize("kind", ["text", "refusal", "truncated", "filtered"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_any_wrong_shape_anywhere_is_noticed_and_breaks_nothing(
    provider: str, kind: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    observer = observer_at(provider, serve(lambda _: ANSWER))
    observer.prepare(make_experiment())
    assert observer._asker is not None
    client = observer._asker.servers.client
    form = {"openai": "openai", "anthropic": "anthropic", "google": "google"}.get(provider, "chat")
    asked = Asked(form, "m", (), "", (), {}, {})
    body = WRAP[form](asked, Says("A", kind=kind, first_token={"A": 0.6, "B": 0.3}))
    for path, junk in itertools.product(places(body), (None, True, 3, "x", [], {}, [1], [{}], [[]], {"a": 1})):
        with contextlib.suppress(WrongShape, BrokenOff, TemporaryFailure, AccessRefused, RequestRefused):
            reply = client.read(with_junk(body, path, junk))
            for text in (reply.text, reply.thoughts, reply.finish_reason, reply.served_model, reply.request_id):
                assert text is None or isinstance(text, str), (path, junk)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_request_that_the_server_does_not_take_is_sent_once(
    provider: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    refused = Says("image too large", kind="status", status=400)
    response, server = one_response(provider, [refused], serve, observer_at, make_experiment())
    assert (response.outcome, len(server.asked)) == ("error", 1)
    assert "image too large" in response.provenance["error"]


def sent(provider: str, **options: Any) -> Callable[[Serve, ObserverAt, Experiment], dict[str, Any]]:
    def ask(serve: Serve, observer_at: ObserverAt, experiment: Experiment) -> dict[str, Any]:
        _, server = one_response(provider, [ANSWER], serve, observer_at, experiment, reasks=0, **options)
        return server.asked[0].body

    return ask


def test_every_provider_is_made_to_answer_by_a_schema(
    serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    experiment = make_experiment()
    bodies = {name: sent(name)(serve, observer_at, experiment) for name in PROVIDERS}
    schemas = [
        bodies["openai"]["text"]["format"]["schema"],
        bodies["anthropic"]["output_config"]["format"]["schema"],
        bodies["google"]["generationConfig"]["responseJsonSchema"],
        bodies["xai"]["response_format"]["json_schema"]["schema"],
        bodies["compatible"]["response_format"]["json_schema"]["schema"],
    ]
    assert all(schema["properties"]["answer"]["enum"] == ["A", "B"] for schema in schemas)


def test_settings_arrive_where_the_provider_wants_them(
    serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    experiment = make_experiment()
    body = sent("openai", temperature=0.5, effort="none", detail="low")(serve, observer_at, experiment)
    assert (body["temperature"], body["reasoning"], body["store"]) == (0.5, {"effort": "none"}, False)
    assert body["input"][0]["content"][1]["detail"] == "low"
    body = sent("anthropic", effort="high", body={"metadata": {"user_id": "lab"}})(serve, observer_at, experiment)
    assert (body["output_config"]["effort"], body["metadata"]) == ("high", {"user_id": "lab"})
    assert body["thinking"] == {"type": "adaptive"}  # an effort alone does not switch thinking on
    assert body["messages"][0]["content"][1]["transformations"] == {"oversized_image": "error"}
    body = sent("google", effort="low", seed=3, temperature=1, detail="high")(serve, observer_at, experiment)
    config = body["generationConfig"]
    assert config["temperature"] == 1
    assert isinstance(config["seed"], int)
    assert config["mediaResolution"] == "MEDIA_RESOLUTION_HIGH"
    assert config["thinkingConfig"]["thinking_level"] == "LOW"
    body = sent("xai", seed=3, effort="low", temperature=0)(serve, observer_at, experiment)
    assert (body["temperature"], body["reasoning_effort"]) == (0, "low")
    assert isinstance(body["seed"], int)


@pytest.mark.parametrize("provider", ["openai", "google", "compatible"])
def test_a_soft_choice_comes_from_log_probabilities(
    provider: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    says = Says("A", first_token={"A": 0.6, " B": 0.2, "Both": 0.1})
    options = {"effort": "none"} if provider == "openai" else {}
    response, server = one_response(provider, [says], serve, observer_at, make_experiment(), soft=True, **options)
    assert response.p_left == pytest.approx(0.75)
    assert response.provenance["label_mass"] == pytest.approx(0.8)
    asked = json.dumps(server.asked[0].body)
    assert "json_schema" not in asked
    assert "responseJsonSchema" not in asked


def test_reasons_are_asked_for_and_kept(serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(models={"reasoning": True})
    says = Says(json.dumps({"reasoning": "B is dull.", "answer": "A"}))
    response, _ = one_response("anthropic", [says], serve, observer_at, experiment)
    assert (response.choice, response.provenance["reasoning"]) == ("left", "B is dull.")


def test_a_tie_is_a_tie(serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment) -> None:
    response, _ = one_response("google", [Says(structured("equal"))], serve, observer_at, make_experiment(ties=True))
    assert (response.outcome, response.choice) == ("tie", "tie")
