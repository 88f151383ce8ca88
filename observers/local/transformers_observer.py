"""Open-weight vision-language models on this machine, as observers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any, ClassVar, Self

from visavis.experiments import Capabilities, Experiment, ObserverError, Outcome, Response, Trial, utc_now
from visavis.experiments.random_stream import RandomStream
from visavis.observers.answer_reading import ParsedAnswer, read_answer
from visavis.observers.configurable import ConfigurableObserver, ObserverOptions
from visavis.observers.lenient_reading import read_leniently
from visavis.observers.question import Picture, Question
from visavis.observers.question_writer import QuestionWriter, composite_size
from visavis.observers.vision import SeenImage

from .loading import load
from .local_options import LocalOptions
from .model import Labels, Text, VisionModel

MOST_AT_ONCE = 16


class TransformersObserver(ConfigurableObserver):
    """An open-weight model on this machine: transformers:Qwen/Qwen3-VL-32B-Instruct, or a folder of weights.

    By default the choice is the label with the higher logit at the first place of the reply, with its probability
    (``p_left``); it is then the same every time.

    Parameters
    ----------
    model : str
        Name on the hub, or a folder.
    options : LocalOptions
    name : str, optional
        Name in the ``observer`` column; by default the model's.
    """

    kind = "vlm"
    Options: ClassVar[type[ObserverOptions]] = LocalOptions
    requires = ("torch", "transformers", "accelerate")
    extra = "local"

    def __init__(self, model: str, options: LocalOptions, name: str | None = None) -> None:
        self.model_name = model
        self.name = name or model
        self.options = options
        self.capabilities = Capabilities(
            soft_choice=options.answer == "logits", deterministic=options.answer != "sampled"
        )
        self.model: VisionModel | None = None
        self._writer: QuestionWriter | None = None
        self._revision: str | None = None
        self._batch_size = options.batch_size or MOST_AT_ONCE
        self._seen: dict[tuple[int, int], SeenImage | None] = {}

    @classmethod
    def configured(cls, subject: str | None, options: Any, name: str | None) -> Self:
        """Make an observer; the subject is the model."""
        if subject is None:
            raise ObserverError("transformers needs a model: --observer transformers:Qwen/Qwen3-VL-8B-Instruct")
        return cls(subject, options, name)

    def prepare(self, experiment: Experiment) -> list[str]:
        """Load the model, and check labels and images against it."""
        warnings = super().prepare(experiment)
        asking = experiment.definition.models
        if self.options.answer == "logits" and asking.reasoning:
            raise ObserverError(
                f"{self.name}: logits are read at the first word: set 'models.reasoning: false' or --answer greedy"
            )
        if self.model is None:
            loaded = load(self.model_name, self.options)
            self.model, self._revision = VisionModel(loaded), loaded.revision
            self._seen = {}
        self._writer = QuestionWriter(experiment, structured=False)
        if self.options.answer == "logits":
            if self.model.thinks_first:
                raise ObserverError(f"{self.name} thinks before it answers: add --answer greedy or --answer sampled")
            self.model.label_tokens(self._answers(experiment))
        return warnings + self._check_images(self.model, experiment)

    def respond(self, trials: Sequence[Trial]) -> Iterator[Response]:
        """Ask several trials at once, and yield their responses in order."""
        if self.model is None or self._writer is None:
            raise ObserverError(f"{self.name}: prepare comes before respond")
        alike: dict[tuple[str | None, ...], list[Trial]] = {}
        for trial in trials:
            alike.setdefault(self._asked(trial), []).append(trial)
        # Sizes together: padding is cheap then. The log sorts trials by their place in the plan.
        waiting = sorted((same[0] for same in alike.values()), key=self._size_of)
        while waiting:
            size = self._size_of(waiting[0])
            batch = [trial for trial in waiting[: self._batch_size] if self._size_of(trial) == size]
            responses = self._ask_if_it_fits(batch)
            if responses is None:
                self._batch_size = max(1, len(batch) // 2)
                _free_memory()
                continue
            del waiting[: len(batch)]
            for trial, response in zip(batch, responses, strict=True):
                yield response
                for other in alike[self._asked(trial)][1:]:
                    yield replace(response, trial=other.id, provenance={**response.provenance, "same_as": trial.id})

    def progress(self) -> str:
        """Return where the model runs, and how many trials it is asked at once."""
        if self.model is None:
            return ""
        return f"{self.model.device} {self._dtype(self.model)}, {self._batch_size} at once"

    def describe(self) -> dict[str, Any]:
        """Return model, processor, device and versions."""
        record: dict[str, Any] = {
            **self._parameters(),
            "options": self.options.model_dump(mode="json", exclude_defaults=True),
            "torch": version("torch"),
        }
        if self.model is not None:
            processor = self.model.processor
            record |= {
                "revision": self._revision,
                "model_class": type(self.model.model).__name__,
                "processor_class": type(processor).__name__,
                "image_processor": type(processor.image_processor).__name__,
                "device": str(self.model.device),
                "dtype": self._dtype(self.model),
            }
        if self._writer is not None:
            definition = self._writer.experiment.definition
            record["questions"] = {name: self._writer.words(name) for name in definition.attributes}
            if self.model is not None and self.options.answer == "logits":
                tokens = self.model.label_tokens(self._answers(self._writer.experiment))
                record["label_tokens"] = {
                    label: [self.model.tokenizer.decode([token]) for token in ids] for label, ids in tokens.items()
                }
        return record

    def close(self) -> None:
        """Release the model's memory."""
        if self.model is not None:
            self.model = None
            _free_memory()

    def _asked(self, trial: Trial) -> tuple[str | None, ...]:
        """Return what makes a trial another question to this model: sampled, it is every repetition."""
        if self.options.answer == "sampled":
            return (trial.id,)
        return trial.attribute, trial.scene, trial.left, trial.right, trial.reference

    def _ask_if_it_fits(self, batch: Sequence[Trial]) -> list[Response] | None:
        """Ask trials at once; None where memory is too small for so many."""
        try:
            return self._ask(batch)
        except RuntimeError as error:
            if not _out_of_memory(error):
                raise ObserverError(f"{self.name}: {type(error).__name__}: {error}") from error
            if len(batch) == 1:
                raise ObserverError(
                    f"{self.name}: out of memory with a single trial: try --dtype bfloat16, --quantize 4bit, "
                    f"--device-map auto or smaller images ({str(error).splitlines()[0][:200]})"
                ) from error
        # Only here, behind the handler, has the traceback let go of the batch's tensors.
        return None

    def _ask(self, trials: Sequence[Trial]) -> list[Response]:
        model, writer = self.model, self._writer
        assert model is not None  # noqa: S101 - respond has checked
        assert writer is not None  # noqa: S101
        questions = [writer.write(trial) for trial in trials]
        onset, begun = utc_now(), time.monotonic()
        replies = self._replies(model, questions, trials)
        seconds = (time.monotonic() - begun) / len(trials)
        answered = zip(trials, questions, replies, strict=True)
        return [self._response(trial, question, reply, onset, seconds) for trial, question, reply in answered]

    def _replies(
        self, model: VisionModel, questions: Sequence[Question], trials: Sequence[Trial]
    ) -> Sequence[Labels | Text]:
        options = self.options
        if options.answer == "logits":
            return model.labels(questions)
        if options.answer == "greedy":
            return model.texts(questions, max_tokens=options.max_output_tokens)
        streams = [RandomStream(options.seed, self.session, trial.id) for trial in trials]
        return model.texts(
            questions, max_tokens=options.max_output_tokens, temperature=options.temperature, streams=streams
        )

    def _response(self, trial: Trial, question: Question, reply: Labels | Text, onset: str, seconds: float) -> Response:
        provenance: dict[str, Any] = {
            **self._parameters(),
            "revision": self._revision,
            "prompt_sha256": question.prompt_sha256,
            "images": [self._image_record(picture) for picture in question.pictures],
        }
        p_left = None
        outcome: Outcome = "invalid"
        if isinstance(reply, Labels):
            best = max(reply.probabilities, key=lambda answer: reply.probabilities[answer])
            answer = ParsedAnswer(question.answers[best])
            by_choice = {choice: reply.probabilities[label] for label, choice in question.answers.items()}
            p_left = by_choice["left"] / (by_choice["left"] + by_choice["right"])
            provenance |= {"label_probabilities": reply.probabilities, "label_mass": reply.mass}
        else:
            answer = ParsedAnswer(None) if reply.truncated else self._read(reply.text, question)
            provenance["raw"] = reply.text
            if answer.reasoning:
                provenance["reasoning"] = answer.reasoning
            if reply.thoughts:
                provenance["thoughts"] = reply.thoughts
            if reply.truncated:
                outcome = "truncated"
        if answer.choice is not None:
            outcome = "tie" if answer.choice == "tie" else "choice"
        return Response(
            trial.id,
            outcome,
            answer.choice,
            p_left=p_left,
            response_time_s=seconds,
            onset=onset,
            provenance=provenance,
        )

    def _read(self, text: str, question: Question) -> ParsedAnswer:
        return read_leniently(text, question) if self.options.reading == "lenient" else read_answer(text, question)

    def _check_images(self, model: VisionModel, experiment: Experiment) -> list[str]:
        """Say which images the model's own processor resamples, by having it process such sizes."""
        definition = experiment.definition
        sizes = {stimulus.size for stimulus in experiment.stimuli.values()}
        if definition.models.images == "composite":
            sizes = {composite_size(*size) for size in sizes} | (sizes if definition.reference else set())
        problems = []
        for width, height in sorted(sizes):
            if (width, height) not in self._seen:
                self._seen[width, height] = model.sees(width, height)
            seen = self._seen[width, height]
            if seen is None:
                problems.append(f"what the processor makes of {width}×{height} images is not known")
            elif (seen.width, seen.height) != (width, height):
                tiles = f" in {seen.tiles} tiles" if seen.tiles > 1 else ""
                problems.append(f"the processor makes {seen.width}×{seen.height}{tiles} of {width}×{height} images")
        if problems and self.options.strict:
            raise ObserverError(f"{self.name}: {'; '.join(problems)} ('strict' is set): prepare images of other sizes")
        return problems

    def _image_record(self, picture: Picture) -> dict[str, object]:
        """Return what was sent, and what the processor made of it."""
        seen = self._seen.get((picture.width, picture.height))
        known = ("width", "height", "tiles", "tokens")
        return {**picture.record(), "seen": seen and {name: getattr(seen, name) for name in known}}

    def _answers(self, experiment: Experiment) -> list[str]:
        asking = experiment.definition.models
        return [*asking.labels, *([asking.tie_label] if experiment.definition.ties else [])]

    @staticmethod
    def _dtype(model: VisionModel) -> str:
        return str(model.model.dtype).removeprefix("torch.")

    def _parameters(self) -> dict[str, Any]:
        options = self.options
        record: dict[str, Any] = {
            "requested_model": self.model_name,
            "sdk": f"transformers {version('transformers')}",
            "parameters": {"answer": options.answer},
        }
        if options.answer != "logits":
            record["parameters"]["max_output_tokens"] = options.max_output_tokens
            if options.reading != "strict":
                record["parameters"]["reading"] = options.reading
        if options.answer == "sampled":
            record["parameters"] |= {"temperature": options.temperature, "seed": options.seed}
        return record

    def _size_of(self, trial: Trial) -> tuple[int, int]:
        assert self._writer is not None  # noqa: S101 - respond has checked
        return self._writer.experiment.stimuli[trial.scene, trial.left].size


def _out_of_memory(error: RuntimeError) -> bool:
    said = str(error).lower()
    return (
        type(error).__name__ == "OutOfMemoryError"
        or "out of memory" in said
        or "defaultcpuallocator" in said  # "can't allocate memory" or, on Windows, "not enough memory"
    )


def _free_memory() -> None:
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
