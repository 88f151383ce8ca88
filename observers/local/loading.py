"""Weights and processor from a hub or a folder, and one clear message where that fails."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visavis.experiments import ObserverError

from .fingerprint import fingerprint
from .local_options import LocalOptions


@dataclass(frozen=True)
class Loaded:
    """A model with its processor.

    Attributes
    ----------
    model, processor : object
        transformers' own.
    revision : str or None
        The hub's commit, or of a folder its `fingerprint`.
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
    device = check_device(options)
    _quiet()
    try:
        _check_reachable(name, options)
        processor = load_processor(name, options)
        model = _load_model(name, options, device)
    except ObserverError:
        raise
    except Exception as error:
        raise ObserverError(f"transformers:{name}: {_explain(error, name)}") from error
    folder = Path(name)
    revision = fingerprint(folder) if folder.is_dir() else getattr(model.config, "_commit_hash", None)
    return Loaded(model, processor, revision)


def check_device(options: LocalOptions) -> str:
    """Return the device to use, by default the fastest that torch finds here.

    Raises
    ------
    ObserverError
        If the device does not exist here, or a package for the options is missing.
    """
    import torch

    device = options.device
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ObserverError(
            f"unknown device {device!r} for torch {torch.__version__} ({said[:120]}): leave --device out, or "
            "install the torch that is built for it (https://pytorch.org/get-started)"
        ) from error
    if options.quantize:
        _require("bitsandbytes", "quantize")
        if torch.device(device).type in ("cpu", "mps"):
            raise ObserverError(f"option quantize needs a GPU, and torch {torch.__version__} finds none: leave it out")
    return device


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
    if not processor.tokenizer.encode("A", add_special_tokens=False):
        raise ObserverError(f"transformers:{name}: its tokenizer knows no words: are the tokenizer's files there?")
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


def _load_model(name: str, options: LocalOptions, device: str) -> Any:
    import torch
    from transformers import AutoModelForImageTextToText

    arguments: dict[str, Any] = {
        "revision": options.revision,
        "local_files_only": options.offline,
        "dtype": options.dtype if options.dtype == "auto" else getattr(torch, options.dtype),
        # Straight to its place: a large model need not fit into the machine's own memory first.
        "device_map": options.device_map or {"": device},
        **options.model_options,
    }
    if options.quantize:
        from transformers import BitsAndBytesConfig

        arguments["quantization_config"] = BitsAndBytesConfig(**{f"load_in_{options.quantize}": True})
    read: Any = AutoModelForImageTextToText.from_pretrained
    model, found = read(name, output_loading_info=True, **arguments)
    # transformers fills these with random numbers, and goes on.
    missing = sorted(found["missing_keys"])
    if missing:
        raise ObserverError(
            f"transformers:{name}: the weights lack {len(missing)} tensors (first: {missing[0]}), without which the "
            "model would answer at random: fetch them again, or name weights of this class of model"
        )
    return model.eval()


def _require(package: str, option: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise ObserverError(f"option {option} needs {package}: pip install {package}")


def _quiet() -> None:
    import huggingface_hub
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    hub: Any = huggingface_hub.utils
    hub.enable_progress_bars()  # a download may take an hour
    hub.logging.set_verbosity_error()


def _check_reachable(name: str, options: LocalOptions) -> None:
    """Look once for a model that is not in a folder: transformers would try again and again for every file.

    Raises
    ------
    ObserverError
        If it can be had neither from the cache nor from the hub.
    """
    from huggingface_hub import errors, get_hf_file_metadata, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.constants import is_offline_mode

    if Path(name).is_dir():
        return
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name) or name.startswith("."):
        raise ObserverError(f"transformers:{name}: not a folder, and models on the hub are OWNER/NAME")
    if isinstance(try_to_load_from_cache(name, "config.json", revision=options.revision), str):
        return
    if options.offline or is_offline_mode():
        raise ObserverError(
            f"transformers:{name}: not a folder, and the weights are not in this machine's cache: fetch "
            f"them where there is a network ('hf download {name}'), or leave 'offline' and HF_HUB_OFFLINE out"
        )
    try:
        get_hf_file_metadata(hf_hub_url(name, "config.json", revision=options.revision))
    except errors.GatedRepoError as error:
        remedy = f"accept its terms on its page and log in with 'hf auth login' ({_said(error)})"
        raise ObserverError(f"transformers:{name}: the model is gated: {remedy}") from error
    except errors.RepositoryNotFoundError as error:
        remedy = "check the name; a private model needs 'hf auth login'"
        raise ObserverError(f"transformers:{name}: neither a folder nor a model on the hub: {remedy}") from (error)
    except errors.RevisionNotFoundError as error:
        raise ObserverError(f"transformers:{name}: the hub has no revision {options.revision!r} of it") from error
    except errors.EntryNotFoundError as error:
        raise ObserverError(
            f"transformers:{name}: holds no config.json, so it is not a model for transformers"
        ) from error
    except Exception as error:
        raise ObserverError(
            f"transformers:{name}: not a folder, the weights are not in this machine's cache, and the hub "
            f"cannot be reached: check the network ({_said(error)})"
        ) from error


def _explain(error: Exception, name: str) -> str:
    """Say in a line what is wrong and what to do."""
    said = _said(error, name)
    if "out of memory" in said.lower() or type(error).__name__ == "OutOfMemoryError":
        return f"not enough memory for the weights: --quantize 4bit, --device-map auto, or a smaller model ({said})"
    if "does not recognize this architecture" in said:
        return f"this transformers does not know such a model: pip install --upgrade transformers ({said})"
    if "trust_remote_code" in said:
        return f"it brings code of its own: name the variant for transformers, such as …-HF of InternVL ({said})"
    if "Unrecognized configuration class" in said:
        return f"it is not a vision-language model of the class image-text-to-text ({said})"
    if "image processor" in said:
        return f"it has no processor for images: is it a vision-language model, and are all its files there? ({said})"
    if Path(name).is_dir():
        return f"the folder holds no model that can be read: copy it again, or name one that does ({said})"
    return f"cannot be loaded ({said})"


def _said(error: Exception, name: str = "…") -> str:
    """Return what an error says, shortened: a long path would leave no room for the rest."""
    return f"{type(error).__name__}: {' '.join(str(error).replace(name, '…').split())[:300]}"
