"""Replies in words: greedy or drawn, thoughts apart, and read as a hosted model's are."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from visavis import create_observer, load_trials, run
from visavis.experiments import Experiment, ObserverError, Trial
from visavis.experiments.random_stream import RandomStream
from visavis.observers.local import TransformersObserver
from visavis.observers.local.loading import load
from visavis.observers.local.local_options import LocalOptions
from visavis.observers.local.model import VisionModel
from visavis.observers.local.sampling import OwnDraws
from visavis.observers.question_writer import QuestionWriter

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's and transformers' own

MakeExperiment = Callable[..., Experiment]
Tiny = dict[str, Path]


def observer(folder: Path, **options: Any) -> TransformersObserver:
    made = create_observer(f"transformers:{folder}", {"device": "cpu", "dtype": "float32", **options}, name="tiny")
    assert isinstance(made, TransformersObserver)
    return made


def quiet(_: str) -> None: ...


def test_tokens_are_drawn_by_their_probability(tiny: Tiny) -> None:
    import torch

    assert tiny
    logits = torch.tensor([2.0, 0.0, -1.0, 1.0])
    rows = 4000
    drawn = OwnDraws([RandomStream("row", row) for row in range(rows)], 0.7)(None, logits.repeat(rows, 1))
    assert ((drawn == 0).sum(-1) == 1).all()
    shares = (drawn == 0).double().mean(0)
    expected = (logits.double() / 0.7).softmax(-1)
    assert (shares - expected).abs().max() < 4 * 0.5 / rows**0.5


class TestSampled:
    def raw(
        self, tiny: Tiny, experiment: Experiment, trials: list[Trial], session: str = "1", **options: Any
    ) -> dict[str, str]:
        made = observer(tiny["qwen"], answer="sampled", max_output_tokens=6, **options)
        made.session = session
        made.prepare(experiment)
        return {response.trial: response.provenance["raw"] for response in made.respond(trials)}

    def test_a_trial_draws_the_same_whatever_is_asked_beside_it(
        self, tiny: Tiny, make_experiment: MakeExperiment
    ) -> None:
        experiment = make_experiment(repetitions=1)
        trials = list(experiment.plan("M"))[:8]
        first = self.raw(tiny, experiment, trials)
        assert self.raw(tiny, experiment, trials[::-1], batch_size=3) == first
        assert self.raw(tiny, experiment, trials, batch_size=1) == first
        assert self.raw(tiny, experiment, trials[5:]) == {trial.id: first[trial.id] for trial in trials[5:]}
        assert self.raw(tiny, experiment, trials, seed=1) != first
        assert self.raw(tiny, experiment, trials, session="2") != first

    def test_every_repetition_draws_anew(self, tiny: Tiny, make_experiment: MakeExperiment) -> None:
        experiment = make_experiment(repetitions=4, sides="both_orders")
        trials = [t for t in experiment.plan("M") if (t.scene, t.left, t.right) == ("coast", "c1", "c2")][:4]
        assert len(set(self.raw(tiny, experiment, trials).values())) == len(trials) == 4

    def test_a_resumed_run_equals_an_uninterrupted_one(
        self, tiny: Tiny, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        experiment = make_experiment(repetitions=2)

        def ask(folder: Path, limit: int | None = None) -> None:
            made = observer(tiny["qwen"], answer="sampled", max_output_tokens=4)
            run(experiment, made, folder, limit=limit, warn=quiet)

        ask(tmp_path / "whole")
        ask(tmp_path / "parts", limit=7)
        ask(tmp_path / "parts")
        whole, parts = (
            [json.loads(text)["raw"] for text in load_trials(tmp_path / name)["provenance"]]
            for name in ("whole", "parts")
        )
        assert whole == parts


@pytest.fixture
def scripted(tiny: Tiny) -> Callable[..., TransformersObserver]:
    """A model that writes a given text once, token by token."""

    def make(reply: str, template: str | None = None, **options: Any) -> TransformersObserver:
        made = observer(tiny["qwen"], **{"answer": "greedy", **options})
        loaded = load(str(tiny["qwen"]), made.options)
        if template is not None:
            loaded.processor.chat_template = template
        made.model = VisionModel(loaded)
        script = made.model.tokenizer.encode(f"{reply}<|im_end|>")
        forward, left = made.model.model.forward, iter(script)

        @functools.wraps(forward)
        def writes(*arguments: Any, **given: Any) -> Any:
            output = forward(*arguments, **given)
            output.logits[:] = -30.0
            output.logits[:, -1, next(left)] = 0.0
            return output

        made.model.model.forward = writes
        return made

    return make


class TestReading:
    @pytest.mark.parametrize(
        ("reply", "reasoning", "outcome", "choice"),
        [
            ("B", False, "choice", "right"),
            ("**a**.", False, "choice", "left"),
            ("A is brighter, so B", False, "invalid", None),
            ("Equal.", False, "tie", "tie"),
            ("A has more contrast.\nAnswer: B", True, "choice", "right"),
            ("A has more contrast: A", True, "invalid", None),
        ],
    )
    def test_a_text_is_read_as_a_hosted_models(
        self,
        reply: str,
        reasoning: bool,
        outcome: str,
        choice: str | None,
        scripted: Callable[..., TransformersObserver],
        make_experiment: MakeExperiment,
    ) -> None:
        experiment = make_experiment(ties=True, models={"reasoning": reasoning})
        made = scripted(reply)
        made.prepare(experiment)
        (response,) = made.respond(experiment.plan("M")[:1])
        assert (response.outcome, response.choice) == (outcome, choice)
        assert response.provenance["raw"] == reply
        if reasoning and choice:
            assert response.provenance["reasoning"] == "A has more contrast."

    def test_a_text_that_was_cut_off_is_truncated(
        self, scripted: Callable[..., TransformersObserver], make_experiment: MakeExperiment
    ) -> None:
        experiment, made = make_experiment(), scripted("A and much more", max_output_tokens=3)
        made.prepare(experiment)
        (response,) = made.respond(experiment.plan("M")[:1])
        assert (response.outcome, response.choice) == ("truncated", None)

    def test_thoughts_are_kept_apart(
        self, scripted: Callable[..., TransformersObserver], make_experiment: MakeExperiment
    ) -> None:
        experiment, made = make_experiment(), scripted("<think>A? No.</think>\n\nB")
        made.prepare(experiment)
        (response,) = made.respond(experiment.plan("M")[:1])
        assert response.choice == "right"
        assert (response.provenance["raw"], response.provenance["thoughts"]) == ("B", "A? No.")

    def test_a_template_that_opens_a_thought_leaves_no_first_word_to_read(
        self, scripted: Callable[..., TransformersObserver], make_experiment: MakeExperiment
    ) -> None:
        from tiny_models import QWEN_TEMPLATE

        template = QWEN_TEMPLATE.replace("assistant\n", "assistant\n<think>\n")
        experiment = make_experiment()
        with pytest.raises(ObserverError, match="thinks before it answers: add --answer greedy"):
            scripted("A", template, answer="logits").prepare(experiment)
        for reply, outcome, raw in (("A? No.</think>B", "choice", "B"), ("A", "invalid", "")):
            made = scripted(reply, template)
            made.prepare(experiment)
            (response,) = made.respond(experiment.plan("M")[:1])
            assert (response.outcome, response.provenance["raw"]) == (outcome, raw)


def test_settings_of_the_weights_do_not_bend_what_is_written(tiny: Tiny, make_experiment: MakeExperiment) -> None:
    experiment = make_experiment()
    asked = [QuestionWriter(experiment, structured=False).write(experiment.plan("M")[0])]
    texts = []
    for penalty in (None, 5.0):
        loaded = load(str(tiny["qwen"]), LocalOptions(dtype="float32"))
        if penalty is not None:
            loaded.model.generation_config.repetition_penalty = penalty
            loaded.model.generation_config.do_sample = True
        texts.append(VisionModel(loaded).texts(asked, max_tokens=12))
    assert texts[0] == texts[1]
