"""Options of models that run here, through transformers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from visavis.observers.configurable import ObserverOptions


class LocalOptions(ObserverOptions):
    """How a model is loaded and asked."""

    device: str | None = Field(None, description="cuda, cuda:1, mps, cpu; by default the best there is")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field("auto", description="auto: the weights' own")
    device_map: str | None = Field(None, description="auto: spread a large model over all devices (needs accelerate)")
    quantize: Literal["4bit", "8bit"] | None = Field(
        None, description="load smaller weights (needs a GPU and bitsandbytes)"
    )
    revision: str | None = Field(None, description="revision of the weights on the hub; by default the newest")
    answer: Literal["logits", "greedy", "sampled"] = Field(
        "logits", description="by the logits of the labels (a soft choice), or by text, greedy or sampled"
    )
    reading: Literal["strict", "lenient"] = Field(
        "strict", description="lenient: also take 'Answer: A', 'Image A' and the like as an answer in a text"
    )
    temperature: float = Field(1.0, gt=0, description="for sampled")
    max_output_tokens: int = Field(512, ge=1, description="of a text")
    seed: int = Field(0, ge=0, description="for sampled; every trial has a seed of its own")
    batch_size: int | None = Field(None, ge=1, description="trials at once; by default as many as fit, 16 at most")
    strict: bool = Field(False, description="refuse images that the model's processor resamples, instead of warning")
    offline: bool = Field(False, description="take the weights from this machine alone")
    model_options: dict[str, Any] = Field(default_factory=dict, description="more arguments of from_pretrained")

    @field_validator("device_map")
    @classmethod
    def _one_place(cls, spread: str | None, info: ValidationInfo) -> str | None:
        if spread is not None and info.data.get("device") is not None:
            raise ValueError("spreads over all devices, and 'device' names one: give one of them")
        return spread
