"""Open-weight models: tiny random ones of the real classes, loaded and asked through the public path."""

from __future__ import annotations

import functools
import io
import json
import shutil
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
from visavis.observers.local.options import LocalOptions
from visavis.observers.question import Question, QuestionWriter
from visavis.scaling import count_choices, fit_scale

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's and transformers' own

MakeExperiment = Callable[..., Experiment]
Tiny = dict[str, Path]
KINDS = ["qwen", "internvl"]


@pytest.fixture
def model(tiny: Tiny) -> Callable[[str], VisionModel]:
    return lambda kind: VisionModel(load(str(tiny[kind]), LocalOptions(dtype="float32")))


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
    assert known["revision"].startswith("sha256:")
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
        ids = {
            ours.tokenizer.encode(form)[0] for form in (answer, f" {answer}") if len(ours.tokenizer.encode(form)) == 1
        }
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
    assert largest < 1e-5, f"max difference {largest:.1e}"


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
    """A model whose label logits say which of the two images has more contrast, so that what is swapped shows."""
    import torch

    def make(**options: Any) -> TransformersObserver:
        made = observer(tiny["qwen"], **options)
        monkeypatch.setattr(made, "model", VisionModel(load(str(tiny["qwen"]), made.options)))
        assert made.model is not None
        a, b = (made.model.label_tokens([label])[label][0] for label in ("A", "B"))
        forward, inputs = made.model.model.forward, made.model.inputs
        seen: list[Any] = []

        def processed(asked: Any) -> Any:
            seen.append(inputs(asked))
            return seen[-1]

        @functools.wraps(forward)
        def judged(*arguments: Any, **given: Any) -> Any:
            output = forward(*arguments, **given)
            patches = seen[-1]["image_grid_thw"].prod(-1).tolist()
            spreads = torch.stack([part.std() for part in seen[-1]["pixel_values"].split(patches)]).reshape(-1, 2)
            output.logits[:] = -30.0
            output.logits[:, -1, a] = 40 * (spreads[:, 0] - spreads[:, 1])
            output.logits[:, -1, b] = 0.0
            return output

        made.model.inputs = processed  # type: ignore[method-assign]
        made.model.model.forward = judged
        return made

    return make


@pytest.mark.parametrize("answer", ["logits", "greedy"])
def test_a_model_that_knows_chooses_the_right_image_on_either_side(
    answer: str, favours: Callable[..., TransformersObserver], make_experiment: MakeExperiment, tmp_path: Path
) -> None:
    experiment = make_experiment(repetitions=1, sides="both_orders")
    contrast = {key: stimulus.pixels().std() for key, stimulus in experiment.stimuli.items()}
    assert run(experiment, favours(answer=answer, max_output_tokens=1), tmp_path, warn=quiet).complete
    trials = load_trials(tmp_path)
    if answer == "greedy":  # one token is no whole reply
        assert set(trials["outcome"]) == {"truncated"}
        assert set(trials["provenance"].map(lambda text: json.loads(text)["raw"])) == {"A", "B"}
        return
    for trial in trials.itertuples():
        left, right = contrast[trial.scene, trial.left], contrast[trial.scene, trial.right]
        assert trial.chosen == (trial.left if left > right else trial.right)
    assert set(trials["choice"]) == {"left", "right"}


def test_sampling_has_a_seed_for_every_trial(tiny: Tiny, make_experiment: MakeExperiment) -> None:
    experiment = make_experiment(repetitions=1)
    trials = list(experiment.plan("M"))[:8]

    def raw(order: list[Any], **options: Any) -> dict[str, str]:
        made = observer(tiny["qwen"], answer="sampled", max_output_tokens=4, **options)
        made.prepare(experiment)
        return {response.trial: response.provenance["raw"] for response in made.respond(order)}

    first = raw(trials)
    assert raw(trials[::-1]) == first
    assert raw(trials, seed=1) != first
    assert len(set(first.values())) > 1


def test_words_that_are_no_answer_are_invalid(tiny: Tiny, make_experiment: MakeExperiment, tmp_path: Path) -> None:
    result = run(
        make_experiment(repetitions=1),
        observer(tiny["internvl"], answer="greedy", max_output_tokens=3),
        tmp_path,
        warn=quiet,
    )
    assert set(result.outcomes) <= {"invalid", "truncated"}


def test_out_of_memory_halves_the_batch_and_goes_on(
    tiny: Tiny, make_experiment: MakeExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    labels = VisionModel.labels

    def scarce(self: VisionModel, asked: list[Question]) -> Any:
        sizes.append(len(asked))
        if len(asked) > 3:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20 GiB")
        return labels(self, asked)

    monkeypatch.setattr(VisionModel, "labels", scarce)
    experiment = make_experiment(repetitions=1)
    assert run(experiment, observer(tiny["qwen"]), tmp_path, warn=quiet).complete
    assert sizes[:4] == [16, 8, 4, 2]
    assert set(sizes[3:]) <= {2, 1}
    monkeypatch.setattr(VisionModel, "labels", lambda *_: (_ for _ in ()).throw(RuntimeError("out of memory")))
    with pytest.raises(ObserverError, match="out of memory"):
        run(experiment, observer(tiny["qwen"]), tmp_path / "b", warn=quiet)


class TestImages:
    def test_what_the_processor_makes_of_an_image_is_what_it_says(self, model: Callable[[str], VisionModel]) -> None:
        ours = model("qwen")
        assert ours.sees(64, 96) == type(ours.sees(64, 96))(64, 96, 6)
        seen = ours.sees(100, 70)
        assert seen is not None
        assert (seen.width, seen.height) == (96, 64)
        tiles = model("internvl").sees(100, 50)
        assert tiles is not None
        assert (tiles.width, tiles.height, tiles.tokens) == (56, 28, 12)

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

    @pytest.mark.usefixtures("tiny")
    def test_a_model_that_is_not_there(self, make_experiment: MakeExperiment) -> None:
        missing = create_observer("transformers:nobody/no-such-model", {"offline": True})
        with pytest.raises(ObserverError, match="no such folder here"):
            missing.prepare(make_experiment())

    def test_a_corrupt_folder(self, tiny: Tiny, make_experiment: MakeExperiment, tmp_path: Path) -> None:
        shutil.copytree(tiny["qwen"], tmp_path / "bad")
        weights = tmp_path / "bad" / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
        with pytest.raises(ObserverError, match="copy it again"):
            observer(tmp_path / "bad").prepare(make_experiment())

    def test_a_folder_without_a_processor_for_images(
        self, tiny: Tiny, make_experiment: MakeExperiment, tmp_path: Path
    ) -> None:
        shutil.copytree(tiny["qwen"], tmp_path / "bad")
        (tmp_path / "bad" / "preprocessor_config.json").unlink()
        with pytest.raises(ObserverError, match="transformers:"):
            observer(tmp_path / "bad").prepare(make_experiment())

    def test_quantizing_without_its_package(self, tiny: Tiny, make_experiment: MakeExperiment) -> None:
        with pytest.raises(ObserverError, match="bitsandbytes"):
            observer(tiny["qwen"], quantize="4bit").prepare(make_experiment())
