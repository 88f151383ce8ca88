"""What is known of hosted models: read from one dated table, refused before the run, else unknown."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from visavis import create_observer
from visavis.experiments import ObserverError
from visavis.observers.api.profile import _table, profile
from visavis.observers.api.token_estimate import expected_thinking

pytest.importorskip("openai")


@pytest.mark.parametrize(
    ("provider", "model", "efforts"),
    [
        ("openai", "gpt-5.2", ("none", "low", "medium", "high", "xhigh")),
        ("openai", "gpt-5.2-2025-12-11", ("none", "low", "medium", "high", "xhigh")),
        ("openai", "gpt-5.1", ("none", "low", "medium", "high")),
        ("openai", "gpt-5.2-chat-latest", ("medium",)),
        ("openai", "gpt-5.4-pro", ("medium", "high", "xhigh")),
        ("openai", "gpt-5-pro", ("high",)),
        ("openai", "gpt-5-mini", ("minimal", "low", "medium", "high")),
        ("openai", "gpt-4o", ()),
        ("anthropic", "claude-opus-4-6", ("low", "medium", "high", "max")),
        ("anthropic", "claude-opus-4-5-20251101", ("low", "medium", "high")),
        ("anthropic", "claude-sonnet-4-5", ()),
        ("anthropic", "claude-haiku-4-5", ()),
        ("anthropic", "claude-opus-4-1", ()),
        ("google", "gemini-3.1-pro-preview", ("low", "medium", "high")),
        ("google", "gemini-3-flash-preview", ("minimal", "low", "medium", "high")),
        ("google", "gemini-2.5-pro", ()),
        ("xai", "grok-4.3", ("none", "low", "medium", "high")),
        ("xai", "grok-4.5", ("low", "medium", "high")),
        ("xai", "grok-3-mini", ("low", "high")),
        ("xai", "grok-4", ()),
    ],
)
def test_efforts_are_those_of_the_model(provider: str, model: str, efforts: tuple[str, ...]) -> None:
    found = profile(provider, model, {})
    assert found.known
    assert found.efforts == efforts


@pytest.mark.parametrize(
    ("provider", "model", "logprobs"),
    [
        ("google", "gemini-3.1-pro-preview", True),
        ("google", "gemini-2.5-flash", False),
        ("google", "gemini-3.5-flash", False),
        ("anthropic", "claude-opus-4-6", False),
        ("openai", "gpt-4o", True),
    ],
)
def test_log_probabilities_are_known_by_model(provider: str, model: str, logprobs: bool) -> None:
    assert profile(provider, model, {}).logprobs is logprobs


def test_every_line_says_when_it_was_checked() -> None:
    for name, provider in _table().items():
        for pattern, fields in provider["models"].items():
            year, month = str(fields["checked"]).split("-")[:2]
            assert date(2026, 1, 1) <= date(int(year), int(month), 1) <= date.today(), f"{name}: {pattern}"  # noqa: DTZ011


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google", "xai", "openai-compatible"])
def test_a_model_that_no_line_names_is_unknown(provider: str) -> None:
    assert not profile(provider, "nonesuch-9000", {}).known


def test_what_an_unknown_model_takes_is_said_not_guessed() -> None:
    from visavis.observers.api.api_options import ApiOptions
    from visavis.observers.api.setting_check import cautions, check_settings

    options = ApiOptions(temperature=0.5, effort="low")
    unknown = profile("openai", "gpt-9", {})
    check_settings("gpt-9", "gpt-9", options, unknown)  # sent as it is given
    (caution,) = cautions("gpt-9", options, unknown)
    assert re.match("whether gpt-9 accepts temperature, effort is unknown: sent as given", caution)
    assert cautions("gpt-9", ApiOptions(), unknown) == []
    assert "choose from grok-4.3" in cautions("grok-4.1", ApiOptions(), profile("xai", "grok-4.1", {}))[0]


@pytest.mark.parametrize(
    ("spec", "options", "override"),
    [
        ("anthropic:claude-sonnet-4-5", {"temperature": 0.5}, False),  # an override would end in a 400
        ("anthropic:claude-sonnet-4-5", {"effort": "low"}, True),
        ("xai:grok-4.20", {"effort": "low"}, True),
    ],
)
def test_an_override_is_named_only_where_it_helps(spec: str, options: dict[str, Any], override: bool) -> None:
    with pytest.raises(ObserverError, match="does not accept") as problem:
        create_observer(spec, options)
    assert ("--profile" in str(problem.value)) is override


@pytest.mark.parametrize(
    ("provider", "model", "effort", "thinks"),
    [
        ("openai", "gpt-5-mini", None, True),
        ("openai", "gpt-5.2", None, False),
        ("openai", "gpt-5.2", "high", True),
        ("openai", "gpt-5.2", "none", False),
        ("google", "gemini-3.1-pro-preview", None, True),
        ("anthropic", "claude-opus-4-6", None, False),
        ("anthropic", "claude-opus-4-6", "low", True),
        ("anthropic", "claude-opus-4-5", "low", False),
        ("openai", "gpt-4o", None, False),
    ],
)
def test_thoughts_are_in_the_estimate_where_a_model_thinks(
    provider: str, model: str, effort: str | None, thinks: bool
) -> None:
    assert (expected_thinking(profile(provider, model, {}), effort) > 0) is thinks
