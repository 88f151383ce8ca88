"""Observers by a line of text, their own and other packages'."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

import pytest

from visavis.experiments import ObserverError
from visavis.observers import (
    MetricObserver,
    SimulatedObserver,
    SimulatedOptions,
    available_observers,
    create_observer,
    registry,
)
from visavis.observers.configurable import ConfigurableObserver


def test_an_observer_from_a_line_of_text() -> None:
    observer = create_observer("metric:rms_contrast")
    assert isinstance(observer, MetricObserver)
    assert observer.name == "rms_contrast"
    assert create_observer("metric:rms_contrast", name="M1").name == "M1"


def test_options_as_texts_and_as_values_are_the_same() -> None:
    values = {"contrast": {"c1": 0, "c2": 1.5}}
    texts = create_observer("simulated:P:1", {"values": json.dumps(values), "sensitivity": "2", "lapse": "0.1"})
    objects = create_observer("simulated:P:1", {"values": values, "sensitivity": 2, "lapse": 0.1})
    assert isinstance(texts, SimulatedObserver)
    assert isinstance(objects, SimulatedObserver)
    assert texts.options == objects.options == SimulatedOptions(values=values, sensitivity=2, lapse=0.1)
    assert texts.name == "P:1"


@pytest.mark.parametrize(
    ("spec", "options", "message"),
    [
        ("metrik:x", {}, "unknown observer 'metrik': did you mean 'metric'?"),
        ("nobody", {}, "unknown observer 'nobody': choose from anthropic, google, human, metric"),
        ("metric", {}, "metric: name one metric, as in metric:rms_contrast"),
        ("metric:contrast", {}, "unknown metric 'contrast': choose from rms_contrast"),
        ("metric:rms_contrast", {"statistics": {"contrast": "rms_contrast"}}, "metric: name one metric"),
        ("simulated", {"sensitivty": "2"}, "unknown option --sensitivty: did you mean '--sensitivity'?"),
        ("simulated", {"sensitivity": "-2"}, "--sensitivity: must be greater than or equal to 0, got -2"),
        ("simulated", {"lapse": "much"}, "--lapse: expected a number, got 'much'"),
        ("simulated", {"side_bais": "1"}, "unknown option --side-bais: did you mean '--side-bias'?"),
        ("simulated", {"weights": {"a": {"b": "x"}}}, "--weights: a.b: expected a number, got 'x'"),
        ("simulated", {"statistics": {"contrast": "rms"}}, "unknown statistic 'rms'"),
        ("simulated", {"refusal_rate": 0.6, "invalid_rate": 0.6}, "refusal_rate and invalid_rate sum to more than 1"),
    ],
)
def test_what_cannot_be_made_is_named_with_the_remedy(spec: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ObserverError) as caught:
        create_observer(spec, options)
    assert message in str(caught.value)


class NeedsMuch(SimulatedObserver):
    """Needs a package that nobody has."""

    requires: ClassVar[tuple[str, ...]] = ("json", "visavis_no_such_package")
    extra: ClassVar[str | None] = "everything"


class Unmade(ConfigurableObserver):
    """Lacks a method that makes it."""

    kind = "simulated"


NO_OBSERVER = 3


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that other packages have added observers, some of them broken."""
    added = {
        "broken": "visavis_no_such_package.observers:It",
        "heavy": f"{__name__}:NeedsMuch",
        "number": f"{__name__}:NO_OBSERVER",
        "unmade": f"{__name__}:Unmade",
    }
    ours = registry._entry_points()
    theirs = {name: EntryPoint(name, value, registry.GROUP) for name, value in added.items()}
    monkeypatch.setattr(registry, "_entry_points", lambda: {**ours, **theirs})
    monkeypatch.setattr(EntryPoint, "load", load_here)


def load_here(entry: EntryPoint, original: Any = EntryPoint.load) -> Any:
    module, _, name = entry.value.partition(":")
    return globals()[name] if module == __name__ else original(entry)


@pytest.mark.usefixtures("plugins")
def test_a_broken_plugin_breaks_nothing_else() -> None:
    known = {info.kind: info for info in available_observers()}
    assert set(known) >= {"broken", "heavy", "metric", "number", "simulated"}
    assert "cannot be loaded (ModuleNotFoundError" in known["broken"].missing
    assert "is not a subclass of ConfigurableObserver" in known["number"].missing
    assert known["heavy"].missing == "needs visavis_no_such_package: pip install 'visavis[everything]'"
    assert known["heavy"].summary == "Needs a package that nobody has."
    assert known["metric"].missing == ""
    assert known["metric"].capabilities.deterministic  # type: ignore[union-attr]
    assert "sensitivity" in known["simulated"].options
    assert "default 1.0" in known["simulated"].options["sensitivity"]


@pytest.mark.usefixtures("plugins")
@pytest.mark.parametrize("kind", ["broken", "heavy", "number", "unmade"])
def test_making_what_cannot_be_used_says_why(kind: str) -> None:
    with pytest.raises(
        ObserverError,
        match=r"cannot be loaded|pip install|not a subclass|configured\(.*\) returned NoneType: expected Unmade",
    ):
        create_observer(kind)
