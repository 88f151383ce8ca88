"""Models behind an API in whole runs: settings, images, pace, money, cache, interruption, several servers."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import model_server
import numpy as np
import pytest
from api_observers import KEY_OF, KEYS, SPECS
from click.testing import CliRunner
from model_server import WRAP, Asked, ModelServer, Says, higher_contrast, structured, uniform
from PIL import Image

from visavis import create_observer, load_trials, run
from visavis.cli import main
from visavis.experiments import Definition, Experiment, ObserverError, Response, Trial
from visavis.experiments.experiment import load_stimuli
from visavis.observers.accounts import account
from visavis.observers.api import ApiObserver
from visavis.observers.api.profile import provider as known_provider
from visavis.observers.contract_tests import MakeObserver, ObserverContract
from visavis.scaling import Options, Resampling, compare, comparison_json, write_report
from visavis.stimuli import encode_png

MakeExperiment = Callable[..., Experiment]
Serve = Callable[[Callable[[Asked], Says]], ModelServer]
ObserverAt = Callable[..., ApiObserver]


def quiet(_: str) -> None: ...


def large_images(folder: Path, width: int, height: int) -> Experiment:
    for name, level in (("dark", 40), ("light", 200)):
        path = folder / "images" / "wall" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_png(np.full((height, width, 3), level, np.uint8)))
    definition = Definition.from_dict(
        {"visavis": 1, "name": "large", "seed": 1, "stimuli": {"folder": "images"},
         "attributes": {"contrast": {"question": "Which?"}}}
    )  # fmt: skip
    return Experiment(definition, load_stimuli(definition, folder))


class _Contract(ObserverContract):
    provider: str

    @pytest.fixture
    def make_observer(self, serve: Serve, observer_at: ObserverAt) -> MakeObserver:
        server = serve(higher_contrast)
        return lambda: observer_at(self.provider, server)


class TestOpenAI(_Contract):
    provider = "openai"


class TestAnthropic(_Contract):
    provider = "anthropic"


class TestGoogle(_Contract):
    provider = "google"


class TestCompatible(_Contract):
    provider = "compatible"


class TestXai(_Contract):
    provider = "xai"


@pytest.mark.usefixtures("observer_at")
class TestSettings:
    @pytest.mark.parametrize(
        ("spec", "options", "told"),
        [
            ("anthropic:claude-opus-4-6", {"temperature": 0.5}, "does not accept a temperature"),
            ("anthropic:claude-opus-4-6", {"soft": True}, "log-probabilities"),
            ("anthropic:claude-opus-4-6", {"seed": 1}, "does not accept a seed"),
            ("anthropic:claude-opus-4-6", {"effort": "xhigh"}, "choose from low, medium, high, max"),
            ("openai:gpt-5.2", {"temperature": 0.5}, "add --effort none"),
            ("openai:gpt-5.2", {"soft": True, "effort": "high"}, "add --effort none"),
            ("openai:gpt-5.2", {"seed": 1}, "does not accept a seed"),
            ("xai:grok-4.3", {"soft": True}, "log-probabilities"),
            ("google:gemini-3.1-pro-preview", {"soft": True, "structured": True}, "one word"),
            ("openai:gpt-5.2", {"profile": {"temprature": True}}, "temprature"),
            ("openai:gpt-5.2", {"profile": {"image_rule": "nonesuch"}}, "nonesuch"),
            ("openai:gpt-5.2", {"base_url": "localhost:8000"}, "not an address"),
            ("openai:gpt-5.2", {"base_url": "http://me:secret@localhost"}, "password"),
            ("openai:gpt-5.2", {"base_url": "http://localhost/v1?key=secret"}, "ends before"),
            ("openai:gpt-5.2", {"body": {"stream": True}}, "one whole reply"),
            ("openai:gpt-5.2", {"detail": "sharp"}, "choose from low, high, auto, original"),
            ("anthropic:claude-opus-4-6", {"detail": "high"}, "leave it out"),
            ("google:gemini-3.1-pro-preview", {"detail": "ultra_high"}, "choose from low, medium, high"),
            ("google:gemini-3.1-pro-preview", {"prerender": True}, "leave 'prerender' out"),
            ("openai:gpt-5.2", {"detail": "low", "prerender": True}, "leave 'prerender' out"),
            ("openai:gpt-5.2", {"cache": "c", "batch": "provider"}, "no cache"),
            ("openai-compatible:x", {}, "name the server.s address"),
            ("openai", {}, "needs a model"),
            ("openai-compatible:x", {"base_url": "http://localhost", "budget": 1}, "a budget needs prices"),
        ],
    )
    def test_what_the_model_does_not_take_is_refused_before_anything_runs(
        self, spec: str, options: dict[str, Any], told: str
    ) -> None:
        with pytest.raises(ObserverError, match=told):
            create_observer(spec, options)

    @pytest.mark.parametrize(
        ("provider", "body"),
        [("openai", {"model": "other"}), ("openai", {"text": {"format": {"type": "text"}}}),
         ("anthropic", {"max_tokens": 5}), ("google", {"response_mime_type": "text/plain"}),
         ("compatible", {"messages": []})],
    )  # fmt: skip
    def test_a_field_that_is_set_already_is_refused_before_the_run(
        self,
        provider: str,
        body: dict[str, Any],
        observer_at: ObserverAt,
        serve: Serve,
        make_experiment: MakeExperiment,
    ) -> None:
        observer = observer_at(provider, serve(higher_contrast), body=body)
        with pytest.raises(ObserverError, match="is set already"):
            observer.prepare(make_experiment())

    def test_fields_of_the_users_own_join_those_that_are_there(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        server = serve(higher_contrast)
        observer = observer_at("openai", server, body={"text": {"verbosity": "low"}, "service_tier": "flex"})
        run(make_experiment(), observer, tmp_path, limit=1, warn=quiet)
        sent = server.asked[0].body
        assert (sent["service_tier"], sent["text"]["verbosity"]) == ("flex", "low")
        assert sent["text"]["format"]["strict"] is True

    def test_detail_changes_what_the_model_sees_and_what_it_costs(self) -> None:
        low, usual = (create_observer("google:gemini-3.1-pro-preview", options) for options in ({"detail": "low"}, {}))
        assert isinstance(low, ApiObserver)
        assert isinstance(usual, ApiObserver)
        assert (low.profile.image_tokens, usual.profile.image_tokens) == (280, 1120)
        gpt = create_observer("openai:gpt-5.2", {"detail": "low"})
        assert isinstance(gpt, ApiObserver)
        assert gpt.sees(1024, 1024) is None

    @pytest.mark.parametrize("provider", ["openai", "anthropic", "google"])
    def test_an_address_from_the_sdks_own_variable_is_used_and_recorded(
        self,
        provider: str,
        serve: Serve,
        make_experiment: MakeExperiment,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        server = serve(higher_contrast)
        variable = {"openai": "OPENAI_BASE_URL", "anthropic": "ANTHROPIC_BASE_URL", "google": "GOOGLE_GEMINI_BASE_URL"}
        address = server.url + ("/v1" if provider == "openai" else "")
        monkeypatch.setenv(variable[provider], address)
        monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
        run(make_experiment(), create_observer(SPECS[provider]), tmp_path, limit=1, warn=quiet)
        assert json.loads(load_trials(tmp_path)["provenance"].iloc[0])["server"] == address

    def test_the_usual_address_is_the_providers_own(self) -> None:
        assert [known_provider(name).base_url for name in ("openai", "anthropic", "google", "xai")] == [
            "https://api.openai.com/v1", "https://api.anthropic.com", "https://generativelanguage.googleapis.com",
            "https://api.x.ai/v1",
        ]  # fmt: skip

    def test_a_session_goes_on_with_the_model_it_began_with(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        server, experiment = serve(higher_contrast), make_experiment()
        run(experiment, observer_at("xai", server, name="M", temperature=0), tmp_path, limit=2, warn=quiet)
        with pytest.raises(ObserverError, match="began with provider 'xai'"):
            run(experiment, observer_at("openai", server, name="M"), tmp_path, limit=2, warn=quiet)
        told: list[str] = []
        run(experiment, observer_at("xai", server, name="M", seed=1), tmp_path, limit=2, warn=told.append)
        assert "seed was the default, is 1; temperature was 0.0, is the default" in told[-1]
        assert len(server.asked) == 4

    def test_a_profile_of_the_users_own_overrides(self) -> None:
        created = create_observer("anthropic:claude-future", {"temperature": 1, "profile": {"temperature": True}})
        assert isinstance(created, ApiObserver)

    @pytest.mark.parametrize("provider", ["openai", "anthropic", "google", "xai"])
    def test_a_missing_key_names_its_variable(
        self, provider: str, monkeypatch: pytest.MonkeyPatch, make_experiment: MakeExperiment
    ) -> None:
        for name in KEYS:
            monkeypatch.delenv(name)
        observer = create_observer(SPECS[provider])
        with pytest.raises(ObserverError, match="_API_KEY"):
            observer.prepare(make_experiment())

    def test_a_key_is_taken_without_the_line_break_after_it(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server = serve(higher_contrast)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-canary\r\n")
        observer, experiment = observer_at("openai", server), make_experiment()
        observer.prepare(experiment)
        next(observer.respond(list(experiment.plan("M"))[:1]))
        assert "Bearer sk-canary" in server.asked[0].headers.values()

    @pytest.mark.parametrize("key", ["sk-can\nary", "“sk-canary”", "sk canary"])
    def test_a_key_that_is_none_is_refused_and_not_told(
        self,
        key: str,
        observer_at: ObserverAt,
        serve: Serve,
        make_experiment: MakeExperiment,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", key)
        with pytest.raises(ObserverError, match="OPENAI_API_KEY holds characters that a key cannot have") as raised:
            observer_at("openai", serve(higher_contrast)).prepare(make_experiment())
        assert "canary" not in str(raised.value)

    def test_a_soft_choice_and_reasoning_exclude_each_other(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment
    ) -> None:
        observer = observer_at("google", serve(higher_contrast), soft=True)
        with pytest.raises(ObserverError, match="first word"):
            observer.prepare(make_experiment(models={"reasoning": True}))

    def test_seeds_differ_between_trials_and_stay_over_runs(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        server = serve(higher_contrast)
        experiment = make_experiment()
        for folder in ("a", "b"):
            run(experiment, observer_at("google", server, seed=5), tmp_path / folder, limit=6, warn=quiet)
        seeds = [asked.body["generationConfig"]["seed"] for asked in server.asked]
        assert len(set(seeds)) == 6
        assert sorted(seeds[:6]) == sorted(seeds[6:])


class TestImages:
    def test_a_model_that_shrinks_images_is_told_of(
        self, observer_at: ObserverAt, serve: Serve, tmp_path: Path
    ) -> None:
        experiment, server = large_images(tmp_path, 1920, 1080), serve(higher_contrast)
        (warning,) = observer_at("openai", server).prepare(experiment)
        assert "sees 1920×1080 images as 1649×928" in warning
        with pytest.raises(ObserverError, match="strict"):
            observer_at("openai", server, strict=True).prepare(experiment)

    def test_where_the_server_refuses_large_images_so_does_the_check(
        self, observer_at: ObserverAt, serve: Serve, tmp_path: Path
    ) -> None:
        experiment = large_images(tmp_path, 1920, 1080)
        with pytest.raises(ObserverError, match=r"1456×819.*prerender"):
            observer_at("anthropic", serve(higher_contrast)).prepare(experiment)

    def test_images_sent_at_the_size_seen_are_safe_and_recorded(
        self, observer_at: ObserverAt, serve: Serve, tmp_path: Path
    ) -> None:
        experiment, server = large_images(tmp_path, 1920, 1080), serve(higher_contrast)
        run(experiment, observer_at("anthropic", server, prerender=True), tmp_path / "results", warn=quiet)
        assert server.asked[0].pixels(0).shape == (819, 1456, 3)
        record = json.loads(load_trials(tmp_path / "results")["provenance"].iloc[0])["images"][0]
        assert (record["width"], record["height"], record["resized_from"]) == (1456, 819, [1920, 1080])

    def test_an_undocumented_rule_is_said(self, observer_at: ObserverAt, serve: Serve, tmp_path: Path) -> None:
        experiment, server = large_images(tmp_path, 64, 64), serve(higher_contrast)
        (warning,) = observer_at("google", server).prepare(experiment)
        assert "not documented" in warning
        with pytest.raises(ObserverError, match="not documented"):
            observer_at("google", server, strict=True).prepare(experiment)

    def test_safe_sizes_pass_strictly(self, observer_at: ObserverAt, serve: Serve, tmp_path: Path) -> None:
        experiment = large_images(tmp_path, 896, 896)
        for provider in ("openai", "anthropic", "compatible"):
            assert observer_at(provider, serve(higher_contrast), strict=True).prepare(experiment) == []

    def test_files_of_other_formats_go_out_as_png_of_the_same_pixels(
        self, observer_at: ObserverAt, serve: Serve, tmp_path: Path
    ) -> None:
        original = large_images(tmp_path, 64, 48)
        for path in list((tmp_path / "images").rglob("*.png")):
            Image.open(path).save(path.with_suffix(".bmp"))
            path.unlink()
        experiment = Experiment(original.definition, load_stimuli(original.definition, tmp_path))
        server, told = serve(higher_contrast), []
        run(experiment, observer_at("anthropic", server), tmp_path / "results", warn=told.append)
        assert "image/bmp: sent as PNG of exactly the same pixels" in told[0]
        assert server.asked[0].images[0].startswith(b"\x89PNG")
        assert {block["source"]["media_type"] for block in server.asked[0].body["messages"][0]["content"]
                if block["type"] == "image"} == {"image/png"}  # fmt: skip
        record = json.loads(load_trials(tmp_path / "results")["provenance"].iloc[0])["images"][0]
        assert record["pixels_sha256"][0] in {stimulus.pixels_sha256 for stimulus in original.stimuli.values()}

    def test_a_file_that_is_too_large_is_refused_before_the_run(
        self, observer_at: ObserverAt, serve: Serve, tmp_path: Path
    ) -> None:
        experiment = large_images(tmp_path, 896, 896)
        noise = np.random.default_rng(0).integers(0, 256, (896, 896, 3), np.uint8)
        path = tmp_path / "images" / "wall" / "dark.png"
        path.write_bytes(encode_png(noise))
        experiment = Experiment(experiment.definition, load_stimuli(experiment.definition, tmp_path))
        observer = observer_at("xai", serve(higher_contrast), profile={"image_mib": 3})
        with pytest.raises(ObserverError, match=r"dark\.png takes 3\.1 MiB as it is sent.*accepts 3 MiB"):
            observer.prepare(experiment)
        observer_at("xai", serve(higher_contrast)).prepare(experiment)

    def test_of_a_composite_the_whole_counts(self, observer_at: ObserverAt, serve: Serve, tmp_path: Path) -> None:
        experiment = large_images(tmp_path, 1000, 1000)
        data = {**experiment.definition.model_dump(mode="json"), "models": {"images": "composite"}}
        whole = Experiment(Definition.from_dict(data), experiment.stimuli)
        assert observer_at("openai", serve(higher_contrast)).prepare(experiment) == []
        (warning,) = observer_at("openai", serve(higher_contrast)).prepare(whole)
        assert "2032×1000" in warning


class TestPace:
    def test_no_more_at_once_than_asked_for(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        server = serve(lambda asked: Says(higher_contrast(asked).text, seconds=0.02))
        run(make_experiment(), observer_at("compatible", server, concurrency=3), tmp_path, warn=quiet)
        assert server.most_busy == 3

    def test_a_server_that_asks_for_fewer_requests_loses_no_trial(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        def often_busy(asked: Asked) -> Says:
            if np.random.default_rng().random() < 0.3:
                return Says(kind="status", status=429, headers={"Retry-After": "0.01"})
            return higher_contrast(asked)

        server = serve(often_busy)
        observer = observer_at("openai", server, tries=30, concurrency=64)
        result = run(make_experiment(), observer, tmp_path, warn=quiet)
        assert result.complete
        assert re.search(r"^\$\d+\.\d\d, slowed down by the server to \d+ at once$", observer.progress())
        assert set(result.outcomes) == {"choice"}

    def test_requests_a_minute_are_kept(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        server = serve(higher_contrast)
        begun = time.monotonic()
        observer = observer_at("compatible", server, requests_per_minute=1200)
        run(make_experiment(), observer, tmp_path, limit=11, warn=quiet)
        assert time.monotonic() - begun >= 10 * 60 / 1200

    def test_a_server_that_is_down_ends_the_run_after_a_few_trials(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        server = serve(lambda _: Says("out of order", kind="status", status=500))
        with pytest.raises(ObserverError, match="5 trials in a row") as raised:
            run(make_experiment(), observer_at("openai", server, concurrency=1), tmp_path, warn=quiet)
        assert "out of order" in str(raised.value)
        assert len(server.asked) == 15  # three tries each

    def test_a_run_after_trouble_asks_only_what_is_missing(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        experiment, broken = make_experiment(), {"now": True}

        def answer(asked: Asked) -> Says:
            return Says(kind="close") if broken["now"] and uniform(asked) < 0.3 else higher_contrast(asked)

        server = serve(answer)
        first = run(experiment, observer_at("anthropic", server, tries=1, concurrency=2), tmp_path, warn=quiet)
        assert first.outcomes["error"] > 0
        broken["now"], before = False, len(server.asked)
        second = run(experiment, observer_at("anthropic", server), tmp_path, warn=quiet)
        assert second.complete
        assert len(server.asked) - before == first.outcomes["error"]


@pytest.mark.parametrize("forced", [False, True])
def test_thoughts_that_a_server_leaves_in_the_text_are_no_answer(
    forced: bool, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment
) -> None:
    server = serve(lambda _: Says(f"<think>\nB is dull. So B? No.\n</think>\n\n{structured('A') if forced else 'A'}"))
    observer, experiment = observer_at("compatible", server, structured=forced), make_experiment()
    observer.prepare(experiment)
    (response,) = observer.respond(experiment.plan("m")[:1])
    assert (response.choice, response.attempts) == ("left", 1)
    assert response.provenance["reasoning"] == "B is dull. So B? No."
    assert response.provenance["raw"] == server.answer(server.asked[0]).text


@pytest.mark.usefixtures("observer_at")
class TestMoney:
    PRICES: ClassVar = {"input": 1000, "output": 1000}  # 100 + 600 in, 20 out: 72 cents a trial

    def test_a_budget_is_never_passed_and_can_be_raised(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        server, experiment = serve(higher_contrast), make_experiment()
        options = {"prices": self.PRICES, "max_output_tokens": 30}
        stopped = run(experiment, observer_at("compatible", server, budget=10, **options), tmp_path, warn=quiet)
        spent = float(account(load_trials(tmp_path))["cost_usd"].iloc[0])
        assert 8 < spent <= 10
        assert stopped.answered == len(server.asked) == round(spent / 0.72)
        assert "budget of $10.00" in stopped.stop_reason
        again = run(experiment, observer_at("compatible", server, budget=10, **options), tmp_path, warn=quiet)
        assert again.answered == stopped.answered  # what was spent before counts
        assert run(experiment, observer_at("compatible", server, budget=100, **options), tmp_path, warn=quiet).complete

    @pytest.mark.parametrize(
        "provider", ["xai", "compatible"]
    )  # their images' tokens are not documented, or wrong here
    def test_a_budget_is_kept_with_many_at_once_where_tokens_are_guessed_too_low(
        self, provider: str, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        def dear(asked: Asked) -> Says:
            return Says(higher_contrast(asked).text, read=60_000, seconds=0.02)

        server, experiment = serve(dear), make_experiment(repetitions=20)
        options = {"prices": {"input": 1, "output": 1}, "max_output_tokens": 100, "concurrency": 64, "budget": 4.0}
        stopped = run(experiment, observer_at(provider, server, **options), tmp_path, warn=quiet)
        spent = float(account(load_trials(tmp_path))["cost_usd"].iloc[0])
        assert 3.8 < spent <= 4
        assert len(server.asked) == stopped.answered
        assert server.most_busy > 8

    def test_replies_that_are_lost_count_and_end_the_run_in_time(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        def mostly_lost(asked: Asked) -> Says:
            return Says(kind="broken") if uniform(asked, str(len(server.asked))) < 0.6 else higher_contrast(asked)

        server = serve(mostly_lost)
        options = {"prices": self.PRICES, "max_output_tokens": 30, "budget": 10, "tries": 20, "concurrency": 2,
                   "profile": {"image_rule": None, "image_tokens": 300}}  # fmt: skip
        stopped = run(make_experiment(), observer_at("compatible", server, **options), tmp_path, warn=quiet)
        assert "for replies that were lost or without usage" in stopped.stop_reason
        assert len(server.asked) * 0.72 <= 10  # what the provider may charge for
        before = len(server.asked)
        run(make_experiment(), observer_at("compatible", server, **options), tmp_path, warn=quiet)
        assert len(server.asked) * 0.72 <= 10
        assert len(server.asked) - before <= 2
        table = account(load_trials(tmp_path, every_response=True))
        assert table["lost_usd"].sum() > 0
        assert f"at ${table['cost_usd'].sum():.2f} and at most ${table['lost_usd'].sum():.2f}" in stopped.stop_reason

    def test_the_account_counts_what_failed_and_was_asked_again(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        def answer(asked: Asked) -> Says:
            return Says(kind="broken") if len(server.asked) <= 6 else higher_contrast(asked)

        server = serve(answer)
        options = {"prices": self.PRICES, "max_output_tokens": 30, "tries": 1, "concurrency": 1,
                   "profile": {"image_rule": None, "image_tokens": 300}}  # fmt: skip
        for outcomes in ({"error": 3}, {"error": 3}, {"choice": 3}):
            result = run(make_experiment(), observer_at("compatible", server, **options), tmp_path, limit=3, warn=quiet)
            assert result.outcomes == outcomes
        nobody, somebody = (
            account(load_trials(tmp_path, every_response=True))
            .sort_values("served_model", na_position="first")
            .to_dict("records")
        )
        assert (nobody["trials"], nobody["requests"], nobody["cost_usd"]) == (3, 6, 0)
        assert 6 * 0.72 <= nobody["lost_usd"] <= 6 * 2
        assert (somebody["trials"], somebody["requests"], somebody["lost_usd"]) == (3, 3, 0)
        assert somebody["cost_usd"] == pytest.approx(3 * 0.72)
        shown = CliRunner().invoke(main, ["costs", str(tmp_path)]).output.splitlines()
        assert "lost_usd" in shown[0]
        assert len(shown) == 3

    def test_asks_of_a_trial_that_is_broken_off_are_written_down(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        server = serve(lambda _: Says("Both are fine."))  # 72 cents and no answer, however often
        options = {"prices": {"input": 1000, "output": 0}, "budget": 2.5, "reasks": 9, "concurrency": 1}
        for _ in range(3):  # the second and third find the money spent
            stopped = run(make_experiment(), observer_at("compatible", server, **options), tmp_path, warn=quiet)
            assert stopped.outcomes == {"aborted": 1}
            assert "Stopped at $2.10" in stopped.stop_reason
        assert account(load_trials(tmp_path, every_response=True))["cost_usd"].tolist() == [pytest.approx(2.1)]
        assert len(server.asked) == 3

    def test_a_reply_that_does_not_tell_its_tokens_counts_at_the_most(
        self,
        observer_at: ObserverAt,
        serve: Serve,
        make_experiment: MakeExperiment,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        silent = {**WRAP, "chat": lambda asked, says: {**WRAP["chat"](asked, says), "usage": None}}
        monkeypatch.setattr(model_server, "WRAP", silent)
        server = serve(higher_contrast)
        options = {"prices": self.PRICES, "max_output_tokens": 30, "budget": 10,
                   "profile": {"image_rule": None, "image_tokens": 300}}  # fmt: skip
        run(make_experiment(), observer_at("compatible", server, **options), tmp_path, warn=quiet)
        assert 1 <= len(server.asked) <= 10 / 0.72

    def test_the_account_sums_tokens_and_money_by_model(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        experiment = make_experiment()
        run(
            experiment, observer_at("openai", serve(higher_contrast), prices=self.PRICES), tmp_path, limit=4, warn=quiet
        )
        unknown = observer_at("compatible", serve(higher_contrast))
        run(experiment, unknown, tmp_path, limit=3, warn=quiet)
        table = account(load_trials(tmp_path)).set_index("observer")
        assert table.loc["gpt-5.2", ["trials", "input", "output", "cached"]].tolist() == [4, 2800, 80, 40]
        assert table.loc["gpt-5.2", "cost_usd"] == pytest.approx(2.88)
        assert np.isnan(table.loc[unknown.name, "cost_usd"])
        assert table.loc[unknown.name, "served_model"] == "served-model-1"

    def test_the_estimate_is_near_and_needs_no_key(
        self, make_experiment: MakeExperiment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in KEYS:
            monkeypatch.delenv(name)
        experiment = make_experiment()
        trials = list(experiment.plan("M"))
        tokens, cost = create_observer("openai:gpt-5.2").estimate(experiment, trials)
        assert "tokens read" in tokens
        assert cost.startswith("about $")
        assert "no estimate" in create_observer("xai:grok-nonesuch").estimate(experiment, trials)[1]
        own = create_observer("xai:grok-nonesuch", {"prices": {"input": 1, "output": 1}}).estimate(experiment, trials)
        assert "your prices" in own[1]


class TestCache:
    def test_what_was_paid_for_is_not_asked_again(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        server, experiment = serve(higher_contrast), make_experiment()
        for folder in ("a", "b"):
            run(experiment, observer_at("openai", server, cache=tmp_path / "cache"), tmp_path / folder, warn=quiet)
        assert len(server.asked) == len(experiment.plan("gpt-5.2"))
        first, second = (load_trials(tmp_path / name)["choice"].tolist() for name in ("a", "b"))
        assert first == second

    def test_neither_the_other_order_nor_a_repetition_nor_a_session_is_answered_from_it(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        server, experiment = serve(higher_contrast), make_experiment(sides="both_orders", repetitions=2)
        for session in ("1", "2"):
            observer = observer_at("openai", server, cache=tmp_path / "cache")
            run(experiment, observer, tmp_path / "results", session=session, warn=quiet)
        assert len(server.asked) == 2 * len(experiment.plan("gpt-5.2"))
        requests = Counter((asked.text, asked.images) for asked in server.asked)
        assert set(requests.values()) == {4}

    @pytest.mark.parametrize(
        "other",
        [{"temperature": 0.5}, {"max_output_tokens": 99}, {"seed": 3}, {"detail": "low"}, {"effort": "low"},
         {"body": {"top_p": 0.9}}, {"structured": False}, {"soft": True, "structured": False}, {"prerender": True}],
        ids=lambda other: "-".join(other),
    )  # fmt: skip
    def test_no_other_setting_is_answered_from_it(
        self, other: dict[str, Any], observer_at: ObserverAt, serve: Serve, tmp_path: Path
    ) -> None:
        server, experiment = serve(higher_contrast), large_images(tmp_path, 300, 200)
        given = {"cache": tmp_path / "cache", "profile": {"image_rule": "qwen3-vl", "efforts": ["low"]}}
        if "soft" in other:
            given["structured"] = False
        for folder, options in (("a", {}), ("b", other), ("c", other)):
            observer = observer_at("compatible", server, **{**given, **options})
            run(experiment, observer, tmp_path / folder, warn=quiet)
        assert len(server.asked) == 2 * 1  # one trial, asked by each setting once

    @pytest.mark.usefixtures("observer_at")
    def test_no_other_model_server_words_or_image_is_answered_from_it(self, serve: Serve, tmp_path: Path) -> None:
        one, two = serve(higher_contrast), serve(higher_contrast)
        usual = large_images(tmp_path, 64, 64)
        words = Definition.from_dict({**usual.definition.model_dump(mode="json"),
                                      "attributes": {"contrast": {"question": "Which one?"}}})  # fmt: skip
        (tmp_path / "other").mkdir()
        image = large_images(tmp_path / "other", 64, 65)

        def ask(server: ModelServer, experiment: Experiment, model: str = "m") -> None:
            options = {"base_url": f"{server.url}/v1", "cache": tmp_path / "cache"}
            observer = create_observer(f"openai-compatible:{model}", options, name="M")
            folder = tmp_path / f"results-{len(one.asked)}-{len(two.asked)}"
            run(experiment, observer, folder, warn=quiet)

        ask(one, usual)
        ask(two, usual)
        ask(one, usual, "n")
        ask(one, Experiment(words, usual.stimuli))
        ask(one, image)
        assert (len(one.asked), len(two.asked)) == (4, 1)
        ask(one, usual)
        assert (len(one.asked), len(two.asked)) == (4, 1)

    def test_a_damaged_file_is_as_good_as_none(
        self, observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        server, experiment = serve(higher_contrast), make_experiment()
        run(experiment, observer_at("openai", server, cache=tmp_path / "c"), tmp_path / "a", limit=1, warn=quiet)
        (file,) = (tmp_path / "c").rglob("*.json")
        file.write_text("{")
        run(experiment, observer_at("openai", server, cache=tmp_path / "c"), tmp_path / "b", limit=1, warn=quiet)
        assert len(server.asked) == 2


@pytest.mark.usefixtures("observer_at")
class TestSeveralServers:
    def test_work_is_shared(self, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path) -> None:
        servers = [serve(lambda asked: Says(higher_contrast(asked).text, seconds=0.01)) for _ in range(2)]
        observer = create_observer("openai-compatible:m", {"base_url": [f"{server.url}/v1" for server in servers]})
        assert run(make_experiment(), observer, tmp_path, warn=quiet).complete
        shares = [len(server.asked) for server in servers]
        assert min(shares) > 0.3 * sum(shares)

    @pytest.mark.usefixtures("observer_at")
    def test_a_process_that_is_killed_in_the_middle_costs_no_trial(
        self, make_experiment: MakeExperiment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        experiment = make_experiment()
        line = [sys.executable, model_server.__file__]
        servers = [subprocess.Popen(line, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        try:
            killed, alive = (f"{server.stdout.readline().strip()}/v1" for server in servers)  # type: ignore[union-attr]
            observer = create_observer(
                "openai-compatible:m", {"base_url": [killed, alive], "concurrency": 8, "first_wait_s": 0.01}
            )
            respond = observer.respond

            def with_a_kill(trials: Sequence[Trial]) -> Iterator[Response]:
                for count, response in enumerate(respond(trials)):
                    if count == 30:
                        servers[0].kill()
                    yield response

            monkeypatch.setattr(observer, "respond", with_a_kill)
            result = run(experiment, observer, tmp_path, warn=quiet)
        finally:
            for server in servers:
                server.kill()
                server.communicate()
        planned = [trial.id for trial in experiment.plan("m")]
        assert result.outcomes == {"choice": len(planned)}
        assert load_trials(tmp_path)["trial"].tolist() == planned
        logged = load_trials(tmp_path, every_response=True)
        assert sorted(logged["trial"]) == sorted(planned)
        known = logged["provenance"].map(json.loads)
        assert {record["server"] for record in known[:30]} == {killed, alive}
        assert {record["server"] for record in known[-20:]} == {alive}
        assert max(record["tries"] for record in known) > 1  # what the killed one had under way


TELLING = ["served model", "status: 401", "status: 500", "status: 400", "text", "html", "broken", "cut", "close"]


@pytest.mark.parametrize("batch", [None, "provider"])
@pytest.mark.parametrize("provider", list(SPECS))
def test_no_key_is_written_anywhere(
    provider: str,
    batch: str | None,
    observer_at: ObserverAt,
    serve: Serve,
    make_experiment: MakeExperiment,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Servers that tell the key in all they say; every log at its most talkative."""
    caplog.set_level(logging.DEBUG)
    key, experiment = KEY_OF[provider], make_experiment()
    told = ""
    for how in TELLING:
        kind, _, status = how.partition(": ")

        def tell(asked: Asked, kind: str = kind, status: str = status) -> Says:
            if kind == "served model":
                return Says(structured("A" if uniform(asked) < 0.5 else "B"), served_model=f"a tired {key}")
            return Says(f"a tired {key}", kind=kind, status=int(status or 200))

        server = serve(tell)
        server.batch_ready = True
        options: dict[str, Any] = {"key_env": "OPENAI_API_KEY"} if provider == "compatible" else {}
        options |= {"batch": batch} if batch else {"cache": tmp_path / "cache"}
        for _ in range(2 if batch else 1):
            observer = observer_at(provider, server, tries=1, **options)
            try:
                run(experiment, observer, tmp_path / "results" / how, warn=quiet)
            except ObserverError as error:
                told += "".join(traceback.format_exception(error))
        assert server.asked
        assert batch or key in str(server.asked[0].headers)  # it did go out
    if not batch:
        few = Options(resampling=Resampling(20))
        compared = compare(load_trials(tmp_path / "results" / "served model"), options=few)
        (tmp_path / "comparison.json").write_text(json.dumps(comparison_json(compared)), encoding="utf-8")
        if provider == "openai":  # what a report draws, and slowly, is the same table whoever answered
            write_report(compared, tmp_path / "report")
    told += caplog.text + "".join(capfd.readouterr())
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"a tired [key]" in written
    assert "a tired [key]" in told or batch
    assert key not in told
    assert key.encode() not in written


def command(experiment: Experiment, server: ModelServer, folder: Path, *more: str) -> list[str]:
    """Return the command line of a run, and write its definition."""
    data = experiment.definition.model_dump(mode="json", exclude_none=True)
    data["stimuli"] = {"folder": str(experiment.stimuli.folder)}
    definition = folder / "study.yaml"
    definition.write_text(json.dumps(data), encoding="utf-8")
    return [sys.executable, "-m", "visavis", "run", str(definition), "--observer", "openai-compatible:m",
            "--results", str(folder / "results"), "--base-url", f"{server.url}/v1", *more]  # fmt: skip


@pytest.mark.usefixtures("observer_at")
@pytest.mark.skipif(sys.platform == "win32", reason="sends Ctrl-C as a POSIX signal")
def test_ctrl_c_keeps_what_was_under_way_and_goes_on_later(
    serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    experiment = make_experiment(repetitions=1)
    seconds = [2.0]  # long enough that a busy machine interrupts in time
    server = serve(lambda asked: Says(higher_contrast(asked).text, seconds=seconds[0]))
    line = command(experiment, server, tmp_path)
    heeding = signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores Ctrl-C
    try:
        process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp_path)
    finally:
        signal.signal(signal.SIGINT, heeding)
    wait_for(lambda: len(server.asked) >= 6)
    os.kill(process.pid, signal.SIGINT)
    output = process.communicate(timeout=20)[0].decode()
    assert process.returncode == 130, output
    assert len(load_trials(tmp_path / "results")) == len(server.asked)
    seconds[0] = 0.0
    done = subprocess.run(line, capture_output=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(server.asked) == len(experiment.plan("m"))


def test_what_is_under_way_when_a_reply_is_being_written_is_kept(
    observer_at: ObserverAt, serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    """The interruption falls while a response is written, which is where another thread's always falls."""
    stop, server = threading.Event(), serve(lambda asked: replace(higher_contrast(asked), seconds=0.3))
    stop.set()
    observer = observer_at("compatible", server, concurrency=6)
    with pytest.raises(KeyboardInterrupt):
        run(make_experiment(), observer, tmp_path, warn=quiet, stop=stop)
    assert len(load_trials(tmp_path)) == len(server.asked) > 1


@pytest.mark.usefixtures("observer_at")
def test_killed_five_times_nothing_is_lost_and_little_is_paid_for_twice(
    serve: Serve, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    experiment, chance = make_experiment(repetitions=6), np.random.default_rng(8)
    server = serve(lambda asked: Says(higher_contrast(asked).text, seconds=0.02))
    line = command(experiment, server, tmp_path, "--concurrency", "4")
    kept: set[str] = set()
    for _ in range(5):
        before = len(server.asked)
        process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp_path)
        stop_after = before + int(chance.integers(5, 20))
        wait_for(lambda after=stop_after: len(server.asked) >= after)
        process.kill()
        process.wait()
        answered = set(load_trials(tmp_path / "results")["trial"])
        assert kept <= answered
        kept = answered
    done = subprocess.run(line, capture_output=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    table = load_trials(tmp_path / "results")
    assert table["trial"].tolist() == [trial.id for trial in experiment.plan("m")]
    assert set(table["outcome"]) == {"choice"}
    assert len(server.asked) <= len(table) + 5 * (4 + 2)  # under way, handed over, and being written


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.01)
