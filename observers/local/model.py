"""A loaded vision-language model: questions in, the labels' probabilities or a text out."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from visavis.experiments import ObserverError
from visavis.observers.question import Picture, Question
from visavis.observers.vision import Seen, internvl

from .loading import Loaded


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
    """A reply in words, and whether it was cut off."""

    text: str
    truncated: bool


class VisionModel:
    """A model and its processor.

    Parameters
    ----------
    loaded : Loaded
    """

    def __init__(self, loaded: Loaded) -> None:
        self.model = loaded.model
        self.processor = loaded.processor
        self.tokenizer = loaded.processor.tokenizer
        # On the right, padding would stand between the question and the answer.
        self.tokenizer.padding_side = "left"

    @property
    def device(self) -> Any:
        """Where the model's first weights are."""
        return self.model.device

    def label_tokens(self, answers: Sequence[str]) -> dict[str, list[int]]:
        """Return the single tokens that stand for each answer, with a space before it and without.

        Raises
        ------
        ObserverError
            If an answer is more than one token for this model, or two share one.
        """
        found: dict[str, list[int]] = {}
        for answer in answers:
            forms = [self.tokenizer.encode(form, add_special_tokens=False) for form in (answer, f" {answer}")]
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
        texts, images = [], []
        for question in questions:
            content = [
                {"type": "image"} if isinstance(part, Picture) else {"type": "text", "text": f"{part}\n"}
                for part in question.parts
            ]
            texts.append(
                self.processor.apply_chat_template(
                    [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
                )
            )
            images += [_decoded(picture) for picture in question.pictures]
        made = self.processor(text=texts, images=images, padding=True, return_tensors="pt")
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
        self, questions: Sequence[Question], *, max_tokens: int, temperature: float | None = None, seed: int = 0
    ) -> list[Text]:
        """Return replies in words: greedy, or sampled where a temperature is given."""
        import torch

        made = self.inputs(questions)
        sampling: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        if temperature is not None:
            sampling = {"do_sample": True, "temperature": temperature, "top_p": 1.0, "top_k": 0}
            torch.manual_seed(seed)
        with torch.inference_mode():
            generated = self.model.generate(**made, max_new_tokens=max_tokens, **sampling)
        replies = generated[:, made["input_ids"].shape[1] :]
        ends = self.model.generation_config.eos_token_id
        ends = set(ends if isinstance(ends, list) else [ends])
        return [
            Text(
                self.tokenizer.decode(reply, skip_special_tokens=True).strip(),
                truncated=not ends & set(reply.tolist()),
            )
            for reply in replies
        ]

    def sees(self, width: int, height: int) -> Seen | None:
        """Return what the processor makes of an image of this size, by having it process one.

        None where this kind of processor does not tell.
        """
        from PIL import Image

        processor = self.processor.image_processor
        made = processor(images=[Image.new("RGB", (width, height))], return_tensors="pt")
        if "image_grid_thw" in made:
            _, rows, columns = made["image_grid_thw"][0].tolist()
            merged = processor.merge_size**2
            return Seen(columns * processor.patch_size, rows * processor.patch_size, rows * columns // merged)
        tile = getattr(processor, "size", None)
        if "pixel_values" in made and getattr(processor, "crop_to_patches", False) and tile:
            count = len(made["pixel_values"])
            each = self.processor.image_seq_length
            tiles = internvl(width, height, tile=tile["height"], tiles=processor.max_patches, tokens_per_tile=each)
            return Seen(tiles.width, tiles.height, each * count) if tiles.tokens == each * count else None
        return None


def _decoded(picture: Picture) -> Any:
    from PIL import Image

    return Image.open(io.BytesIO(picture.data)).convert("RGB")
