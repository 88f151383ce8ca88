"""Open-weight models: tiny random ones of the real classes, loaded and asked through the public path."""

from __future__ import annotations

import functools
import io
import json
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from visavis import create_observer, load_trials, run
from visavis.experiments import Experiment, ObserverError
from visavis.observers.contract_tests import MakeObserver, ObserverContract
from visavis.observers.local import TransformersObserver
from visavis.observers.local.loading import load
from visavis.observers.local.model import VisionModel
from visavis.observers.question import Question
from visavis.observers.question_writer import QuestionWriter
from visavis.scaling import count_choices, fit_scale

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's and transformers' own

MakeExperiment = Callable[..., Experiment]
Tiny = dict[str, Path]
KINDS = ["qwen", "internvl"]


def observer(folder: Path, **options: Any) -> TransformersObserver:
    made = create_observer(f"transformers:{folder}", {"device": "cpu", **options}, name=folder.name)
    assert isinstance(made, TransformersObserver)
    return made


def quiet(_: str) -> None: ...


def questions(experiment: Experiment, count: int = 6) -> list[Question]:
    writer = QuestionWriter(experiment, structured=False)
    return [writer.write(trial) for trial in list(experiment.plan("M"))[:count]]


class TestContract(ObserverContract):
    attributes = ("contrast",)

    @pytest.fixture
    def make_observer(self, tiny: Tiny) -> MakeObserver:
        return lambda: observer(tiny["qwen"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_experiment_is_run_and_scaled(
    kind: str, tiny: Tiny, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    experiment = make_experiment(repetitions=1, sides="both_orders")
    result = run(experiment, observer(tiny[kind]), tmp_path, warn=quiet)
    assert result.complete
    assert set(result.outcomes) == {"choice"}
    trials = load_trials(tmp_path)
    assert trials["p_left"].between(0, 1).all()
    assert (trials["choice"] == "left").tolist() == (trials["p_left"] > 0.5).tolist()
    values = fit_scale(count_choices(trials, ["observer", "attribute", "scene"])).to_frame()["value"]
    assert np.isfinite(values).all()
    known = json.loads(trials["provenance"].iloc[0])
    assert known["revision"].startswith("tensor-ends-sha256:")
    assert 0 < known["label_mass"] < 1
    start = json.loads((result.folder / "events.jsonl").read_text(encoding="utf-8").splitlines()[0])["observer"]
    assert start["device"] == "cpu"
    assert start["dtype"] == "float32"
    assert start["processor_class"] == {"qwen": "Qwen3VLProcessor", "internvl": "InternVLProcessor"}[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_are_those_of_transformers_own_forward_pass(
    kind: str, model: Callable[[str], VisionModel], make_experiment: MakeExperiment
) -> None:
    import torch

    ours = model(kind)
    (asked,) = questions(make_experiment(), 1)
    pictures = [Image.open(io.BytesIO(picture.data)) for picture in asked.pictures]
    words = [part for part in asked.parts if isinstance(part, str)]
    if kind == "qwen":
        image, after = "<|vision_start|><|image_pad|><|vision_end|>", ""
    else:
        image, after = "<IMG_CONTEXT>", "\n"
    prompt = (
        f"<|im_start|>user\n{words[0]}\n{image}{after}{words[1]}\n{image}{after}{words[2]}\n<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    made = ours.processor(text=[prompt], images=pictures, return_tensors="pt")
    with torch.inference_mode():
        expected = ours.model(**made).logits[0, -1].softmax(-1)
    (labels,) = ours.labels([asked])
    for answer in ("A", "B"):
        ids = ours.tokenizer.convert_tokens_to_ids([answer, answer.lower(), f"Ġ{answer}", f"Ġ{answer.lower()}"])
        assert ids[0] != ids[1]
        ids = {token for token in ids if token is not None}
        assert labels.probabilities[answer] == pytest.approx(float(sum(expected[i] for i in ids)), abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_gives_what_single_trials_give(
    kind: str, model: Callable[[str], VisionModel], make_experiment: MakeExperiment
) -> None:
    ours = model(kind)
    # Questions of different lengths, so that some are padded.
    short, long = (
        questions(make_experiment(), 4),
        questions(
            make_experiment(attributes={"contrast": {"question": "Which image has, all in all, the higher contrast?"}}),
            4,
        ),
    )
    asked = [*short, *long]
    together = ours.labels(asked)
    alone = [ours.labels([one])[0] for one in asked]
    largest = max(
        abs(one.probabilities[answer] - other.probabilities[answer])
        for one, other in zip(together, alone, strict=True) for answer in ("A", "B")
    )  # fmt: skip
    print(f"{kind}: max difference between batched and single {largest:.1e}")  # noqa: T201 - for pytest -s
    assert largest < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_the_processor_gets_left_and_right_in_order(
    kind: str, model: Callable[[str], VisionModel], make_experiment: MakeExperiment
) -> None:
    ours, experiment = model(kind), make_experiment()
    trial = experiment.plan("M")[0]
    (asked,) = questions(experiment, 1)
    made = ours.inputs([asked])
    of_each = [
        ours.processor.image_processor(
            images=[Image.fromarray(experiment.stimuli[trial.scene, name].pixels())], return_tensors="pt"
        )["pixel_values"]
        for name in (trial.left, trial.right)
    ]
    expected = np.concatenate([values.numpy() for values in of_each])
    assert np.array_equal(made["pixel_values"].numpy(), expected)
    assert not np.array_equal(of_each[0].numpy(), of_each[1].numpy())


@pytest.fixture
def favours(tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TransformersObserver]:
    """A model whose label logits say which of the two images has more contrast, so that what is swapped shows.

    Where a third answer is allowed, it gives that to contrasts that differ by less than `alike`.
    """

    def make(kind: str, alike: float | None = None, **options: Any) -> TransformersObserver:
        made = observer(tiny[kind], **options)
        monkeypatch.setattr(made, "model", VisionModel(load(str(tiny[kind]), made.options)))
        assert made.model is not None
        a, b, equal = (made.model.label_tokens([label])[label][0] for label in ("A", "B", "equal"))
        forward, inputs = made.model.model.forward, made.model.inputs
        seen: list[Any] = []

        def processed(asked: Any) -> Any:
            seen.append(inputs(asked))
            return seen[-1]

        @functools.wraps(forward)
        def judged(*arguments: Any, **given: Any) -> Any:
            output = forward(*arguments, **given)
            # Images of one size: each has as many patches (Qwen) or tiles (InternVL) as the others.
            left, right = seen[-1]["pixel_values"].reshape(2 * len(output.logits), -1).std(1).reshape(-1, 2).T
            output.logits[:] = -30.0
            output.logits[:, -1, a] = 40 * (left - right)
            output.logits[:, -1, b] = 0.0
            if alike is not None:
                output.logits[:, -1, equal] = 20 * (left - right + alike)  # above both where they differ by less
            return output

        made.model.inputs = processed  # type: ignore[method-assign]
        made.model.model.forward = judged
        return made

    return make


@pytest.mark.parametrize(("kind", "answer"), [("qwen", "logits"), ("internvl", "logits"), ("qwen", "greedy")])
def test_a_model_that_knows_chooses_the_right_image_on_either_side(
    kind: str,
    answer: str,
    favours: Callable[..., TransformersObserver],
    make_experiment: MakeExperiment,
    tmp_path: Path,
) -> None:
    experiment = make_experiment(repetitions=1, sides="both_orders")
    contrast = {key: stimulus.pixels().std() for key, stimulus in experiment.stimuli.items()}
    assert run(experiment, favours(kind, answer=answer, max_output_tokens=1), tmp_path, warn=quiet).complete
    trials = load_trials(tmp_path)
    if answer == "greedy":  # one token is no whole reply
        assert set(trials["outcome"]) == {"truncated"}
        assert set(trials["provenance"].map(lambda text: json.loads(text)["raw"])) == {"A", "B"}
        return
    for trial in trials.itertuples():
        left, right = contrast[trial.scene, trial.left], contrast[trial.scene, trial.right]
        assert trial.chosen == (trial.left if left > right else trial.right)
    assert set(trials["choice"]) == {"left", "right"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_knows_calls_what_it_cannot_tell_apart_equal(
    kind: str, favours: Callable[..., TransformersObserver], make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    experiment = make_experiment(repetitions=1, sides="both_orders", ties=True)
    assert run(experiment, favours(kind, alike=0.08), tmp_path, warn=quiet).complete  # c1 and c2 differ by 0.02
    trials = load_trials(tmp_path)
    for trial in trials.itertuples():
        alike, left_is_higher = {trial.left, trial.right} == {"c1", "c2"}, trial.left > trial.right
        assert trial.choice == ("tie" if alike else "left" if left_is_higher else "right")
        assert trial.outcome == ("tie" if alike else "choice")
        assert (trial.p_left > 0.5) == left_is_higher  # of left and right, whatever the tie takes
        assert json.loads(trial.provenance)["label_mass"] == pytest.approx(1, abs=1e-6)
    assert set(trials["choice"]) == {"tie", "left", "right"}


@pytest.mark.parametrize("answer", ["logits", "greedy"])
def test_the_same_question_is_put_once_and_its_answer_given_to_every_repetition(
    answer: str, tiny: Tiny, make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    experiment = make_experiment(repetitions=3, sides="both_orders")
    made = observer(tiny["qwen"], answer=answer, max_output_tokens=2)
    asked = count_questions(made, experiment)
    assert run(experiment, made, tmp_path, warn=quiet).complete
    trials = load_trials(tmp_path)
    assert sum(asked) == len(trials) / 3
    known = trials["provenance"].map(json.loads)
    first = {trial: record.get("same_as") for trial, record in zip(trials["trial"], known, strict=True)}
    copies = {trial: same for trial, same in first.items() if same}
    assert len(copies) == len(trials) * 2 / 3
    assert all(copy.rpartition("/")[0] == first.rpartition("/")[0] != "" for copy, first in copies.items())
    same = trials.groupby(["attribute", "scene", "left", "right"])
    assert (same["p_left"].nunique(dropna=False) == 1).all()


def count_questions(made: TransformersObserver, experiment: Experiment) -> list[int]:
    """Prepare an observer and note how many questions its model gets at once."""
    made.prepare(experiment)
    assert made.model is not None
    inputs, sizes = made.model.inputs, []

    def counted(asked: Any) -> Any:
        sizes.append(len(asked))
        return inputs(asked)

    made.model.inputs = counted  # type: ignore[method-assign]
    return sizes


class TestMemory:
    def scarce(
        self, made: TransformersObserver, most: int, error: Callable[[], Exception]
    ) -> tuple[list[int], list[bool]]:
        """Let the model's own forward pass fail with more than `most` questions, as a full device does."""
        assert made.model is not None
        forward, sizes, released = made.model.model.forward, [], []
        held: list[weakref.ref[Any]] = []

        @functools.wraps(forward)
        def limited(*arguments: Any, **given: Any) -> Any:
            released.append(all(reference() is None for reference in held))
            held[:] = [weakref.ref(given["pixel_values"])]
            sizes.append(len(given["input_ids"]))
            if sizes[-1] > most:
                raise error()
            return forward(*arguments, **given)

        made.model.model.forward = limited
        return sizes, released

    @pytest.mark.parametrize("kind", ["cuda", "text", "cpu"])
    def test_a_full_one_halves_the_batch_and_the_run_goes_on(
        self, kind: str, tiny: Tiny, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        import torch

        says = {
            "cuda": "CUDA out of memory. Tried to allocate 20 GiB",
            "text": "MPS backend out of memory",
            "cpu": "[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory",
        }[kind]
        failure = torch.cuda.OutOfMemoryError if kind == "cuda" else RuntimeError
        experiment, made = make_experiment(repetitions=1), observer(tiny["qwen"])
        made.prepare(experiment)
        sizes, released = self.scarce(made, 3, lambda: failure(says))
        assert "16 at once" in made.progress()
        result = run(experiment, made, tmp_path, warn=quiet)
        assert result.complete
        assert result.outcomes == {"choice": result.planned}
        assert sizes[:4] == [16, 8, 4, 2]
        assert set(sizes[3:]) <= {2, 1}
        assert all(released), "what did not fit is still held when less is tried"

    def test_too_little_for_one_says_what_to_do(self, tiny: Tiny, make_experiment: MakeExperiment) -> None:
        experiment, made = make_experiment(repetitions=1), observer(tiny["qwen"])
        made.prepare(experiment)
        self.scarce(made, 0, lambda: RuntimeError("CUDA out of memory. Tried to allocate 20 GiB\nmore"))
        with pytest.raises(ObserverError, match="single trial: try --dtype bfloat16") as caught:
            list(made.respond(experiment.plan("M")[:4]))
        assert "\n" not in str(caught.value)

    def test_another_failure_is_not_taken_for_it(self, tiny: Tiny, make_experiment: MakeExperiment) -> None:
        experiment, made = make_experiment(repetitions=1), observer(tiny["qwen"])
        made.prepare(experiment)
        sizes, _ = self.scarce(made, 0, lambda: RuntimeError("shapes do not match"))
        with pytest.raises(ObserverError, match="shapes do not match"):
            list(made.respond(experiment.plan("M")[:4]))
        assert sizes == [4]


class TestLabels:
    def test_any_case_and_a_space_before_them(self, model: Callable[[str], VisionModel]) -> None:
        ours = model("qwen")
        tokens = ours.label_tokens(["A", "B"])
        assert {ours.tokenizer.decode([token]) for token in tokens["A"]} == {"A", "a", " A"}

    def test_they_are_read_where_the_reply_begins(self, model: Callable[[str], VisionModel]) -> None:
        from tokenizers import pre_tokenizers

        ours = model("qwen")
        # As tokenizers of the Llama family do: alone, "A" gets a space before it, and is another token than in place.
        ours.tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        plain = ours.tokenizer.convert_tokens_to_ids("A")
        assert ours.tokenizer.encode("A") != [plain]
        assert plain in ours.label_tokens(["A", "B"])["A"]

    def test_the_first_token_of_a_prompt_stands_there_once(
        self, model: Callable[[str], VisionModel], make_experiment: MakeExperiment
    ) -> None:
        from tokenizers import processors

        ours = model("qwen")
        first = "<|endoftext|>"
        ours.tokenizer.bos_token = first
        ours.tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{first} $A", special_tokens=[(first, ours.tokenizer.bos_token_id)]
        )
        asked = questions(make_experiment(), 1)
        assert ours.inputs(asked)["input_ids"][0].tolist().count(ours.tokenizer.bos_token_id) == 1
        ours.processor.chat_template = first + ours.processor.chat_template
        assert ours.inputs(asked)["input_ids"][0].tolist().count(ours.tokenizer.bos_token_id) == 1


class TestImages:
    def test_what_became_of_each_is_recorded(self, tiny: Tiny, make_experiment: MakeExperiment) -> None:
        for kind, seen in (
            ("qwen", {"width": 32, "height": 32, "tiles": 1, "tokens": 1}),
            ("internvl", {"width": 28, "height": 28, "tiles": 1, "tokens": 4}),
        ):
            experiment, made = make_experiment(), observer(tiny[kind])
            made.prepare(experiment)
            (response,) = made.respond(experiment.plan("M")[:1])
            assert [image["seen"] for image in response.provenance["images"]] == [seen, seen]

    @pytest.mark.parametrize("kind", KINDS)
    def test_side_by_side_in_one_image_behind_the_reference(
        self, kind: str, model: Callable[[str], VisionModel], make_experiment: MakeExperiment
    ) -> None:
        ours = model(kind)
        experiment = make_experiment(reference="c4", models={"images": "composite"})
        trial = experiment.plan("M")[0]
        (asked,) = questions(experiment, 1)
        reference, left, right = (
            experiment.stimuli[trial.scene, name].pixels() for name in ("c4", trial.left, trial.right)
        )
        both = np.hstack([left, np.full((len(left), 32, 3), experiment.definition.presentation.background), right])
        expected = [
            ours.processor.image_processor(images=[Image.fromarray(shown.astype(np.uint8))], return_tensors="pt")
            for shown in (reference, both)
        ]
        found = ours.inputs([asked])["pixel_values"].numpy()
        assert np.array_equal(found, np.concatenate([made["pixel_values"].numpy() for made in expected]))

    def test_both_sizes_are_checked_where_a_reference_stands_beside_a_composite(
        self, tiny: Tiny, make_experiment: MakeExperiment
    ) -> None:
        composite = make_experiment(reference="c4", models={"images": "composite"})
        warnings = observer(tiny["qwen"]).prepare(composite)
        assert any("of 32×24 images" in warning for warning in warnings)
        assert any("of 96×24 images" in warning for warning in warnings)

    def test_resampling_is_told_before_the_run_or_refused(self, tiny: Tiny, make_experiment: MakeExperiment) -> None:
        warnings = observer(tiny["qwen"]).prepare(make_experiment(repetitions=1))
        assert any("the processor makes 32×32 of 32×24 images" in warning for warning in warnings)
        with pytest.raises(ObserverError, match="32×24"):
            observer(tiny["qwen"], strict=True).prepare(make_experiment())


class TestTrouble:
    def test_labels_of_several_tokens_are_refused(self, tiny: Tiny, make_experiment: MakeExperiment) -> None:
        experiment = make_experiment(models={"labels": ["left", "right"]})
        with pytest.raises(ObserverError, match=r"is \d tokens for this model"):
            observer(tiny["qwen"]).prepare(experiment)
        observer(tiny["qwen"], answer="greedy").prepare(experiment)

    def test_logits_and_reasoning_exclude_each_other(self, tiny: Tiny, make_experiment: MakeExperiment) -> None:
        with pytest.raises(ObserverError, match="first word"):
            observer(tiny["qwen"]).prepare(make_experiment(models={"reasoning": True}))

    def test_quantizing_without_its_package(self, tiny: Tiny, make_experiment: MakeExperiment) -> None:
        with pytest.raises(ObserverError, match="bitsandbytes"):
            observer(tiny["qwen"], quantize="4bit").prepare(make_experiment())
