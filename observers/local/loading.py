"""Weights and processor from a hub or a folder, and one clear message where that fails."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visavis.experiments import ObserverError

from .options import LocalOptions


@dataclass(frozen=True)
class Loaded:
    """A model with its processor.

    Attributes
    ----------
    model, processor : object
        transformers' own.
    revision : str or None
        The hub's commit, or the SHA-256 of the weights' files in a folder.
    """

    model: Any
    processor: Any
    revision: str | None


def load(name: str, options: LocalOptions) -> Loaded:
    """Load a model of the class image-text-to-text.

    Parameters
    ----------
    name : str
        A name on the hub or a folder.
    options : LocalOptions

    Raises
    ------
    ObserverError
        If it cannot be had or read; the message says what to do.
    """
    _quiet()
    try:
        processor = load_processor(name, options)
        model = _load_model(name, options)
    except ObserverError:
        raise
    except Exception as error:
        raise ObserverError(f"transformers:{name}: {_explain(error, name)}") from error
    return Loaded(model, processor, _revision(name, model))


def load_processor(name: str, options: LocalOptions) -> Any:
    """Load a model's own processor; where torchvision is missing, without its part for videos.

    Raises
    ------
    ObserverError
        If the folder has no processor for images.
    """
    from transformers import AutoConfig, AutoImageProcessor, AutoProcessor, AutoTokenizer
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

    common = {"revision": options.revision, "local_files_only": options.offline}
    try:
        processor = AutoProcessor.from_pretrained(name, **common)
    except (ImportError, ValueError) as error:
        if "torchvision" not in str(error).lower():
            raise
        config = AutoConfig.from_pretrained(name, **common)
        known: Any = PROCESSOR_MAPPING[type(config)]
        tokenizer = AutoTokenizer.from_pretrained(name, **common)
        settings, _ = known.get_processor_dict(name, **common)
        wanted = {key: settings[key] for key in ("image_seq_length", "chat_template") if key in settings}
        processor = _without_video(known)(
            image_processor=AutoImageProcessor.from_pretrained(name, **common), tokenizer=tokenizer, **wanted
        )
        processor.chat_template = processor.chat_template or tokenizer.chat_template
    if getattr(processor, "image_processor", None) is None or getattr(processor, "tokenizer", None) is None:
        raise ObserverError(
            f"transformers:{name}: has no processor for images and text (found {type(processor).__name__}): is it a "
            "vision-language model of the class image-text-to-text?"
        )
    if processor.chat_template is None:
        raise ObserverError(f"transformers:{name}: has no chat template, so it is not known how to ask it")
    return processor


def _without_video(processor_class: Any) -> Any:
    """Return a processor class that asks for no video processor, which needs torchvision."""

    def get_attributes(_: type) -> list[str]:
        return ["image_processor", "tokenizer"]

    def check(self: Any, argument_name: str, argument: Any) -> Any:
        if argument_name == "video_processor":
            return None
        return processor_class.check_argument_for_proper_class(self, argument_name, argument)

    members = {"get_attributes": classmethod(get_attributes), "check_argument_for_proper_class": check}
    return type(processor_class.__name__, (processor_class,), members)


def _load_model(name: str, options: LocalOptions) -> Any:
    import torch
    from transformers import AutoModelForImageTextToText

    arguments: dict[str, Any] = {
        "revision": options.revision,
        "local_files_only": options.offline,
        "dtype": options.dtype if options.dtype == "auto" else getattr(torch, options.dtype),
        **options.model_options,
    }
    if options.quantize:
        from transformers import BitsAndBytesConfig

        _require("bitsandbytes", "quantize")
        arguments["quantization_config"] = BitsAndBytesConfig(**{f"load_in_{options.quantize}": True})
    if options.device_map:
        _require("accelerate", "device_map")
        arguments["device_map"] = options.device_map
    model = AutoModelForImageTextToText.from_pretrained(name, **arguments).eval()
    if not options.device_map and not options.quantize:
        model.to(options.device or best_device())
    return model


def best_device() -> str:
    """Return the fastest device that torch finds here."""
    import torch

    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _require(package: str, option: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise ObserverError(f"option {option} needs {package}: pip install {package}")


def _quiet() -> None:
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _revision(name: str, model: Any) -> str | None:
    commit = getattr(model.config, "_commit_hash", None)
    if commit or not Path(name).is_dir():
        return commit
    digest = hashlib.sha256()
    for file in sorted(Path(name).glob("*.safetensors")):
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return f"sha256:{digest.hexdigest()}"


def _explain(error: Exception, name: str) -> str:
    """Say in a line what is wrong and what to do."""
    said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    kinds = {kind.__name__ for kind in type(error).__mro__} | _causes(error)
    if "GatedRepoError" in kinds or "gated" in said.lower():
        return f"the model is gated: accept its terms on its page and log in with 'hf auth login' ({said})"
    if Path(name).is_dir():
        return f"the folder holds no model that can be read: copy it again, or name one that does ({said})"
    if "RepositoryNotFoundError" in kinds or "is not a valid model identifier" in said:
        return f"there is no such model on the hub, and no such folder here ({said})"
    if kinds & {"ConnectError", "ConnectionError", "LocalEntryNotFoundError", "OfflineModeIsEnabled", "OSError"}:
        return f"no such folder here, and the hub gives no weights: check the name and the network ({said})"
    if kinds & {"OutOfMemoryError"}:
        return f"not enough memory for the weights: --quantize 4bit, --device-map auto, or a smaller model ({said})"
    return f"cannot be loaded ({said})"


def _causes(error: BaseException) -> set[str]:
    names: set[str] = set()
    cause = error.__cause__ or error.__context__
    while cause is not None:
        names |= {kind.__name__ for kind in type(cause).__mro__}
        cause = cause.__cause__ or cause.__context__
    return names
