"""A loaded vision-language model: questions in, the labels' probabilities or a text out."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from visavis.experiments import ObserverError
from visavis.experiments.random_stream import RandomStream
from visavis.observers.question import Picture, Question
from visavis.observers.vision import SeenImage

from .loading import Loaded
from .sampling import OwnDraws
from .seeing import process


@dataclass(frozen=True)
class Labels:
    """The probabilities of the answers at the first place of the reply.

    Attributes
    ----------
    probabilities : dict
        By answer; of the whole vocabulary, so that they sum to less than 1.
    """

    probabilities: dict[str, float]

    @property
    def mass(self) -> float:
        """Probability of all answers together."""
        return min(1.0, sum(self.probabilities.values()))


@dataclass(frozen=True)
class Text:
    """A reply in words.

    Attributes
    ----------
    text : str
    truncated : bool
        Whether it was cut off.
    thoughts : str or None
        What a thinking model wrote before it.
    """

    text: str
    truncated: bool
    thoughts: str | None = None


class VisionModel:
    """A model and its processor.

    Parameters
    ----------
    loaded : Loaded
    """

    def __init__(self, loaded: Loaded) -> None:
        from transformers import GenerationConfig

        self.model = loaded.model
        self.processor = loaded.processor
        self.tokenizer = loaded.processor.tokenizer
        # On the right, padding would stand between the question and the answer.
        self.tokenizer.padding_side = "left"
        kept = self.model.generation_config
        ends = kept.eos_token_id if isinstance(kept.eos_token_id, list) else [kept.eos_token_id]
        self._ends = sorted({end for end in (*ends, self.tokenizer.eos_token_id) if end is not None})
        padding = kept.pad_token_id if kept.pad_token_id is not None else self.tokenizer.pad_token_id
        # Whatever else stands there, such as a penalty on words that the question used, would bend the answer.
        self.model.generation_config = GenerationConfig(eos_token_id=self._ends, pad_token_id=padding)
        self._decoded = lru_cache(maxsize=64)(_decoded)

    @property
    def device(self) -> Any:
        """Where the model's first weights are."""
        return self.model.device

    @cached_property
    def _reply_begins(self) -> str:
        """An empty question, up to the place where the reply begins."""
        return self._prompt([{"type": "text", "text": ""}])

    @property
    def thinks_first(self) -> bool:
        """Whether the chat template opens a thought before the reply."""
        return self._reply_begins.rstrip().endswith("<think>")

    def label_tokens(self, answers: Sequence[str]) -> dict[str, list[int]]:
        """Return the single tokens that stand for each answer where the reply begins.

        In any case, as texts are read, and with a space before it or without.

        Raises
        ------
        ObserverError
            If an answer is more than one token for this model, or two share one.
        """
        found: dict[str, list[int]] = {}
        for answer in answers:
            spelled = dict.fromkeys((answer, answer.lower(), answer.upper(), answer.capitalize()))
            forms = [self._continuation(space + form) for form in spelled for space in ("", " ")]
            found[answer] = sorted({form[0] for form in forms if len(form) == 1})
            if not found[answer]:
                raise ObserverError(
                    f"the answer {answer!r} is {len(forms[0])} tokens for this model, and its probability cannot be "
                    "read from one: take other 'models.labels' (A and B are one token nearly everywhere) and "
                    "'models.tie_label', or --answer greedy"
                )
        taken = [token for tokens in found.values() for token in tokens]
        if len(set(taken)) < len(taken):
            raise ObserverError("two answers are the same token for this model: take other 'models.labels'")
        return found

    def inputs(self, questions: Sequence[Question]) -> Any:
        """Return the processor's tensors for several questions, padded on the left."""
        texts = [
            self._prompt(
                [
                    {"type": "image"} if isinstance(part, Picture) else {"type": "text", "text": f"{part}\n"}
                    for part in question.parts
                ]
            )
            for question in questions
        ]
        images = [[self._decoded(picture) for picture in question.pictures] for question in questions]
        begins = self.tokenizer.bos_token
        made = self.processor(
            text=texts,
            images=images,
            padding=True,
            return_tensors="pt",
            # Where the template has written the first token already, it must not stand there twice.
            add_special_tokens=not (begins and texts[0].startswith(begins)),
        )
        return made.to(self.device, dtype=self.model.dtype)

    def labels(self, questions: Sequence[Question]) -> list[Labels]:
        """Return the answers' probabilities for several questions, from one forward pass."""
        import torch

        tokens = self.label_tokens(list(questions[0].answers))
        with torch.inference_mode():
            logits = self.model(**self.inputs(questions), logits_to_keep=1).logits[:, -1]
            probabilities = logits.float().softmax(-1).cpu()
        return [Labels({answer: float(row[ids].sum()) for answer, ids in tokens.items()}) for row in probabilities]

    def texts(
        self,
        questions: Sequence[Question],
        *,
        max_tokens: int,
        temperature: float = 1.0,
        streams: Sequence[RandomStream] | None = None,
    ) -> list[Text]:
        """Return replies in words: greedy, or sampled where each question is given random numbers."""
        import torch

        made = self.inputs(questions)
        drawing = None if streams is None else [OwnDraws(streams, temperature)]
        with torch.inference_mode():
            generated = self.model.generate(
                **made, max_new_tokens=max_tokens, do_sample=False, logits_processor=drawing
            )
        return [self._text(reply.tolist()) for reply in generated[:, made["input_ids"].shape[1] :]]

    def sees(self, width: int, height: int) -> SeenImage | None:
        """Return what the processor makes of an image of this size; None where that is not known."""
        config = self.model.config  # the processor's own id is, for some classes, that of a mark before the image
        token = getattr(config, "image_token_id", getattr(config, "image_token_index", None))
        return process(self.processor, self._prompt([{"type": "image"}]), width, height, token)

    def _prompt(self, content: list[dict[str, str]]) -> str:
        made: str = self.processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
        )
        return made

    def _continuation(self, text: str) -> list[int]:
        """Return the tokens of a text where the reply begins; alone, where it would melt into what stands before it."""
        before, both = (
            self.tokenizer.encode(words, add_special_tokens=False)
            for words in (self._reply_begins, self._reply_begins + text)
        )
        tokens: list[int] = both[len(before) :]
        if both[: len(before)] != before:
            tokens = self.tokenizer.encode(text, add_special_tokens=False)
        return tokens

    def _text(self, reply: list[int]) -> Text:
        words = self.tokenizer.decode(reply, skip_special_tokens=True)
        truncated = not set(self._ends) & set(reply)
        thoughts, closed, said = words.rpartition("</think>")
        if not closed and self.thinks_first:
            thoughts, said = said, ""
        return Text(said.strip(), truncated, thoughts.replace("<think>", "").strip() or None)


def _decoded(picture: Picture) -> Any:
    from PIL import Image

    return Image.open(io.BytesIO(picture.data)).convert("RGB")
