"""Every provider beside every fault of its server: what becomes of a reply that is not a plain answer."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from api_observers import KEY_OF, SPECS
from click.testing import CliRunner
from model_server import WRAP, Asked, ModelServer, Says, structured

from visavis import load_trials, run
from visavis.cli import main
from visavis.experiments import Experiment, ObserverError, Response
from visavis.observers.accounts import account
from visavis.observers.api import ApiObserver

MakeExperiment = Callable[..., Experiment]
Serve = Callable[[Callable[[Asked], Says]], ModelServer]
ObserverAt = Callable[..., ApiObserver]

ANSWER = Says(structured("A"))
CHAT = ["xai", "compatible"]
BROKEN_ENDS = {
    "openai": ["cancelled", "queued", "in_progress", "searching", None],
    "xai": ["error", "network_error", "abort", "tool_calls", None],
    "compatible": ["error", "abort", "tool_calls", "insufficient_system_resource", None],
    "anthropic": ["pause_turn", "tool_use", "compaction", None],
    "google": ["OTHER", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL", "FINISH_REASON_UNSPECIFIED", None],
}


def quiet(_: str) -> None: ...


def ask(
    provider: str, says: list[Says], serve: Serve, observer_at: ObserverAt, experiment: Experiment, **options: Any
) -> tuple[Response, ModelServer]:
    script = itertools.chain(says, itertools.repeat(says[-1]))
    server = serve(lambda _: next(script))
    observer = observer_at(provider, server, **options)
    observer.prepare(experiment)
    (response,) = observer.respond([experiment.plan(observer.name)[0]])
    return response, server


@pytest.mark.parametrize(("provider", "end"), [(name, end) for name, ends in BROKEN_ENDS.items() for end in ends])
def test_a_reply_with_an_answer_in_it_that_broke_off_is_an_error_asked_once_more_and_paid(
    provider: str, end: str | None, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    broken = Says(structured("A"), end=end)
    response, server = ask(provider, [broken], serve, observer_at, make_experiment(), tries=8)
    assert (response.outcome, response.choice, response.settled) == ("error", None, False)
    assert response.provenance["error"].startswith("BrokenOff: the reply broke off")
    assert len(server.asked) == response.provenance["broken_off_replies"] == 2
    assert response.provenance["tokens"]["input"] == 1400
    good, _ = ask(provider, [broken, ANSWER], serve, observer_at, make_experiment())
    assert (good.outcome, good.provenance["tokens"]["input"]) == ("choice", 1400)


@pytest.mark.parametrize(("provider", "end"), [(name, ends[0]) for name, ends in BROKEN_ENDS.items()])
def test_a_batch_knows_the_same_ends(
    provider: str,
    end: str | None,
    serve: Serve,
    observer_at: ObserverAt,
    make_experiment: MakeExperiment,
    tmp_path: Path,
) -> None:
    broken = [0]

    def mostly(_: Asked) -> Says:
        broken[0] += 1
        return Says(structured("A"), end=end) if broken[0] <= 3 else ANSWER

    server, experiment = serve(mostly), make_experiment()
    server.batch_ready = True

    def batched() -> dict[str, int]:
        return run(experiment, observer_at(provider, server, batch="provider"), tmp_path, warn=quiet).outcomes

    batched()
    outcomes = batched()
    assert (outcomes["error"], outcomes["choice"]) == (3, sum(outcomes.values()) - 3)
    batched()
    assert set(batched()) == {"choice"}
    assert account(load_trials(tmp_path, every_response=True))["input"].sum() == 700 * (sum(outcomes.values()) + 3)


def failed_response(message: str, code: str) -> dict[str, Any]:
    return {"id": "r", "status": "failed", "error": {"code": code, "message": message}, "output": []}


REFUSALS_OF_CONTENT = {
    "OpenRouter moderation": (CHAT, 403, {"error": {"code": 403, "message": "anthropic/claude requires moderation on "
        "OpenRouter. Your input was flagged for \"sexual\".", "metadata": {"flagged_input": "x"}}}),
    "OpenRouter within a reply": (CHAT, 200, {"error": {"code": 403, "message": "Input flagged by moderation"}}),
    "Anthropic's filter": (["anthropic"], 400, {"type": "error", "error": {"type": "invalid_request_error",
        "message": "Output blocked by content filtering policy"}}),
    "Doubao": (["compatible"], 400, {"error": {"code": "InputImageSensitiveContentDetected", "message": "The request "
        "failed because the input image may contain sensitive information.", "type": "BadRequest"}}),
    "Doubao text": (["compatible"], 400, {"error": {"code": "SensitiveContentDetected", "message": "x"}}),
    "Zhipu": (["compatible"], 400, {"contentFilter": [{"level": 1, "role": "user"}], "error": {"code": "1301",
        "message": "系统检测到输入或生成内容可能包含不安全或敏感内容"}}),
    "Alibaba": (["compatible"], 400, {"error": {"code": "data_inspection_failed", "message": "Input data may contain "
        "inappropriate content."}}),
    "Moonshot": (["compatible"], 400, {"error": {"type": "content_filter", "message": "The request was rejected "
        "because it was considered high risk"}}),
    "DeepSeek": (["compatible"], 400, {"error": {"message": "Content Exists Risk", "type": "invalid_request_error"}}),
    "StepFun": (["compatible"], 451, {"error": {"message": "The content you provided is blocked."}}),
    "xAI": (["xai"], 403, {"code": "The caller does not have permission", "error": "Content violates usage guidelines. "
        "Failed check: SAFETY_CHECK_TYPE_BIO"}),
    "Azure": (["openai"], 400, {"error": {"code": "content_filter", "message": "The response was filtered due to the "
        "prompt triggering Azure OpenAI's content management policy."}}),
    "OpenAI's policy": (["openai"], 400, {"error": {"code": "invalid_prompt", "message": "Invalid prompt: your prompt "
        "was flagged as potentially violating our usage policy."}}),
    "OpenAI's image policy": (["openai"], 200, failed_response("Rejected.", "image_content_policy_violation")),
}  # fmt: skip


@pytest.mark.parametrize(
    ("case", "provider"), [(case, name) for case, (names, *_) in REFUSALS_OF_CONTENT.items() for name in names]
)
def test_a_refusal_of_content_is_filtered_settled_and_stops_nothing(
    case: str,
    provider: str,
    serve: Serve,
    observer_at: ObserverAt,
    make_experiment: MakeExperiment,
    tmp_path: Path,
) -> None:
    _, status, body = REFUSALS_OF_CONTENT[case]
    first = itertools.count()

    def refuse_one(_: Asked) -> Says:
        return Says(kind="status", status=status, body=body) if next(first) == 0 else ANSWER

    result = run(make_experiment(), observer_at(provider, serve(refuse_one)), tmp_path, warn=quiet)
    assert result.complete
    assert result.outcomes == {"filtered": 1, "choice": result.planned - 1}


ACCESS = {
    "an account that was blocked": (403, {"error": {"message": "Your account was suspended for violating our usage "
                                                    "policies"}}, "may not use this model"),
    "a proxy's page": (403, {"error": {"message": "<html><body>Blocked by the content filter</body></html>"}},
                       "may not use this model"),
    "a bad key": (401, {"error": {"message": "flagged_input"}}, "key is not accepted"),
    "no quota": (429, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "Quota exceeded for metric: "
                       "generate_content_free_tier_requests, limit: 0, model: gemini-3-pro\nPlease retry in 34s"}},
                 "has no quota"),
    "the quota of a day": (429, {"error": {"code": 429, "message": "You exceeded your current quota",
                           "details": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel"}]}}, "quota of a day"),
}  # fmt: skip


@pytest.mark.parametrize("provider", list(SPECS))
@pytest.mark.parametrize("case", ACCESS)
def test_what_concerns_every_request_ends_the_run_at_once(
    case: str, provider: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    status, body, told = ACCESS[case]
    with pytest.raises(ObserverError, match=told):
        ask(provider, [Says(kind="status", status=status, body=body)], serve, observer_at, make_experiment())


@pytest.mark.parametrize("provider", list(SPECS))
def test_a_forbidden_request_among_accepted_ones_is_an_error_and_blocks_nothing_on_any_resume(
    provider: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    count = itertools.count()

    def forbid_the_second(_: Asked) -> Says:
        return Says("no", kind="status", status=403) if next(count) == 1 else ANSWER

    server, experiment = serve(forbid_the_second), make_experiment()
    first = run(experiment, observer_at(provider, server, concurrency=1), tmp_path, warn=quiet)
    assert first.outcomes == {"error": 1, "choice": first.planned - 1}
    server.answer = lambda _: Says("no", kind="status", status=403)
    assert run(experiment, observer_at(provider, server), tmp_path, warn=quiet).outcomes == first.outcomes


@pytest.mark.parametrize("provider", list(SPECS))
@pytest.mark.parametrize("nothing", [None, "", " \n"])
def test_an_empty_reply_is_invalid_asked_once_more_and_costs_what_it_says(
    provider: str, nothing: str | None, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    prices = {"input": 1000, "output": 0}
    says = Says(nothing, read=12)
    response, server = ask(provider, [says], serve, observer_at, make_experiment(), prices=prices, tries=8, reasks=5)
    assert (response.outcome, response.settled, len(server.asked)) == ("invalid", True, 2)
    assert response.provenance["tokens"]["input"] == 24
    assert response.provenance["cost_usd"] == pytest.approx(0.024)
    assert "lost_usd" not in response.provenance
    once, server = ask(provider, [says], serve, observer_at, make_experiment(), reasks=0)
    assert (once.outcome, len(server.asked)) == ("invalid", 1)


@pytest.mark.parametrize("key", ["A", "token", "1", "answer", "none"])
def test_a_dummy_key_changes_no_answer_and_no_number(
    key: str,
    serve: Serve,
    observer_at: ObserverAt,
    make_experiment: MakeExperiment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DUMMY", key)
    response, _ = ask("compatible", [ANSWER], serve, observer_at, make_experiment(), key_env="DUMMY")
    assert (response.choice, response.provenance["tokens"]["input"]) == ("left", 700)
    assert response.provenance["raw"] == structured("A")


@pytest.mark.parametrize("provider", list(SPECS))
def test_a_key_is_redacted_in_texts_and_nothing_else_changes(
    provider: str,
    serve: Serve,
    observer_at: ObserverAt,
    make_experiment: MakeExperiment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET", "17001700")  # of the letters that a count of tokens is made of
    says = Says('{"answer": "A", "key": "17001700"}'.replace("'", '"'), read=17001700)
    response, _ = ask(provider, [says], serve, observer_at, make_experiment(), key_env="SECRET")
    assert response.choice == "left"
    assert response.provenance["tokens"]["input"] == 17001700
    assert json.loads(response.provenance["raw"]) == {"answer": "A", "key": "[key]"}


@pytest.mark.parametrize("says", ["status", "html"])
@pytest.mark.parametrize("provider", list(SPECS))
def test_no_part_of_a_key_stays_where_a_long_message_is_cut(
    provider: str,
    says: str,
    serve: Serve,
    observer_at: ObserverAt,
    make_experiment: MakeExperiment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = "secret-key-" + "0123456789" * 5
    monkeypatch.setenv("SECRET", key)
    echoed = Says(f"{key} " * 20, kind=says, status=400 if says == "status" else 200)
    response, _ = ask(provider, [echoed], serve, observer_at, make_experiment(), key_env="SECRET", tries=1)
    assert "[key]" in response.provenance["error"]
    assert key[:10] not in json.dumps(response.provenance)


def test_a_batch_that_failed_names_no_key(
    serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    server, experiment = serve(lambda _: ANSWER), make_experiment()
    run(experiment, observer_at("openai", server, batch="provider"), tmp_path, warn=quiet)
    server.batch_ends_as, server.batch_says = "failed", f"no access for {KEY_OF['openai']}"
    with pytest.raises(ObserverError, match=r"no access for \[key\]") as raised:
        run(experiment, observer_at("openai", server, batch="provider"), tmp_path, warn=quiet)
    assert KEY_OF["openai"] not in str(raised.value)


def test_commentary_is_no_part_of_the_answer(
    serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    body = WRAP["openai"](Asked("openai", "m", (), "", (), {}, {}), ANSWER)
    said = {"type": "output_text", "text": "Let me look at B first.", "annotations": []}
    body["output"].insert(0, {**body["output"][0], "phase": "commentary", "content": [said]})
    response, _ = ask("openai", [Says(body=body)], serve, observer_at, make_experiment())
    assert (response.choice, response.provenance["thoughts"]) == ("left", "Let me look at B first.")


def test_content_in_parts_is_read(serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment) -> None:
    body = WRAP["chat"](Asked("chat", "m", (), "", (), {}, {}), ANSWER)
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "B is dull."}]}
    body["choices"][0]["message"]["content"] = [thought, {"type": "text", "text": structured("A")}]
    response, _ = ask("compatible", [Says(body=body)], serve, observer_at, make_experiment())
    assert (response.choice, response.provenance["thoughts"]) == ("left", "B is dull.")


def test_gemini_batches_are_known_by_key_in_any_order_and_hold_no_images_inline(
    serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    server, experiment = serve(lambda _: ANSWER), make_experiment()
    options: dict[str, Any] = {"batch": "provider", "seed": 3, "effort": "low", "temperature": 1,
                               "body": {"safety_settings": [{"category": "X", "threshold": "OFF"}]}}  # fmt: skip
    run(experiment, observer_at("google", server, **options), tmp_path, warn=quiet)
    (batch,) = server.batches.values()
    source = batch["batch"]["inputConfig"]
    assert list(source) == ["fileName"]
    line = json.loads(server.files[source["fileName"]].decode().splitlines()[0])
    config = line["request"]["generation_config"]
    assert (config["temperature"], config["thinking_config"]["thinking_level"]) == (1, "LOW")
    assert line["request"]["safety_settings"] == [{"category": "X", "threshold": "OFF"}]
    assert "safety_settings" not in config
    server.batch_ready = True
    assert run(experiment, observer_at("google", server, **options), tmp_path, warn=quiet).complete


def run_with_warnings(observer: ApiObserver, experiment: Experiment, folder: Path) -> list[str]:
    said: list[str] = []
    run(experiment, observer, folder, warn=said.append)
    return said


@pytest.mark.parametrize("provider", ["openai", "google", "compatible"])
def test_a_soft_choice_without_probabilities_is_said_after_the_first_replies(
    provider: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    options = {"effort": "none"} if provider == "openai" else {}
    observer = observer_at(provider, serve(lambda _: Says("A")), soft=True, **options)
    said = run_with_warnings(observer, make_experiment(), tmp_path)
    assert sum("returned no log-probabilities" in text for text in said) == 1


@pytest.mark.parametrize("provider", ["openai", "google", "compatible"])
def test_a_choice_cut_off_after_its_label_is_a_choice_where_it_is_read_from_the_first_token(
    provider: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    options = {"effort": "none"} if provider == "openai" else {}
    tokens = {"▁A": 0.6, "▁B": 0.2}
    ends = {"openai": "completed", "google": "MAX_TOKENS", "compatible": "length"}
    says = Says("A", first_token=tokens, end=ends[provider])
    response, _ = ask(provider, [says], serve, observer_at, make_experiment(), soft=True, **options)
    assert (response.outcome, response.p_left) == ("choice", pytest.approx(0.75))
    if provider != "openai":
        plain, _ = ask(provider, [says], serve, observer_at, make_experiment())
        assert (plain.outcome, plain.choice) == ("truncated", None)


def test_a_probability_of_little_mass_is_kept_and_not_used(
    serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    says = Says("A", first_token={"The": 0.9, "A": 0.007})
    response, _ = ask("compatible", [says], serve, observer_at, make_experiment(), soft=True)
    assert (response.choice, response.p_left) == ("left", None)
    known = response.provenance
    assert known["label_mass"] == pytest.approx(0.007)
    assert known["p_left_range"] == [pytest.approx(0.5), 1.0]
    assert known["p_left_unused"] == pytest.approx(0.75)
    used, _ = ask("compatible", [says], serve, observer_at, make_experiment(), soft=True, min_label_mass=0)
    assert used.p_left == pytest.approx(0.75)
    observer = observer_at("compatible", serve(lambda _: says), soft=True)
    assert any("puts little probability" in text for text in run_with_warnings(observer, make_experiment(), tmp_path))


@pytest.mark.parametrize("provider", list(SPECS))
def test_replies_that_only_the_lenient_reading_takes_are_shown_once_and_taken_where_it_is_chosen(
    provider: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    says, experiment = Says("Answer: Image A"), make_experiment()
    observer = observer_at(provider, serve(lambda _: says), reasks=0, structured=False)
    said = [text for text in run_with_warnings(observer, experiment, tmp_path) if "lenient" in text]
    assert len(said) == 1
    assert "'Answer: Image A'" in said[0]
    taken, _ = ask(provider, [says], serve, observer_at, experiment, structured=False, reading="lenient")
    assert (taken.choice, taken.provenance["reading"]) == ("left", "lenient")
    assert taken.provenance["parameters"]["reading"] == "lenient"


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens", "none"])
def test_the_limit_of_a_reply_goes_out_under_the_name_that_a_server_knows(
    field: str, serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    _, server = ask("compatible", [ANSWER], serve, observer_at, make_experiment(), output_limit_field=field)
    sent = {name: value for name, value in server.asked[0].body.items() if name.startswith("max_")}
    assert sent == ({} if field == "none" else {field: 8192})


def test_a_context_too_short_for_the_limit_names_the_option(
    serve: Serve, observer_at: ObserverAt, make_experiment: MakeExperiment
) -> None:
    words = "This model's maximum context length is 8192 tokens. However, you requested 8993 tokens"
    says = Says(words, kind="status", status=400)
    response, _ = ask("compatible", [says], serve, observer_at, make_experiment())
    assert "lower --max-output-tokens" in response.provenance["error"]


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_second_observer_is_refused_and_not_taken_for_the_first(command: str, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("visavis: 1\n", encoding="utf-8")
    twice = ["--observer", "metric:rms_contrast", "--observer", "openai:gpt-5.2"]
    result = CliRunner().invoke(main, [command, str(tmp_path / "study.yaml"), *twice])
    assert result.exit_code == 2
    assert "2 observers given (metric:rms_contrast, openai:gpt-5.2)" in result.output.replace("\n", " ")
