"""What is known of a provider and of a model: which settings it accepts, how it resizes images, where its key is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import Field, ValidationError

from visavis.experiments import ObserverError
from visavis.observers.configurable import ObserverOptions
from visavis.observers.vision import RULES, Rule, SeenImage


class Detail(ObserverOptions):
    """What a model sees at one setting of ``detail``."""

    image_rule: str | None = Field(None, description="how it resizes images, by name")
    image_tokens: int | None = Field(None, ge=1, description="tokens an image, where they are fixed")


class Profile(ObserverOptions):
    """What a model accepts; every field can be overridden by the option ``profile``."""

    known: bool = Field(True, description="whether anyone has checked what it accepts")
    checked: str | None = Field(None, description="when that was, year-month")
    note: str | None = Field(None, description="said before the run")
    final: tuple[str, ...] = Field((), description="settings that it refuses whatever 'profile' says")
    thinks: Literal["default", "effort", "never"] | None = Field(None, description="when it thinks before it answers")
    adaptive_thinking: bool = Field(False, description="thinking has to be switched on beside the effort")
    temperature: bool = Field(False, description="accepts a temperature")
    seed: bool = Field(False, description="accepts a seed")
    logprobs: bool = Field(False, description="returns log-probabilities")
    structured: bool = Field(True, description="can be forced to answer by a JSON schema")
    efforts: tuple[str, ...] = Field((), description="reasoning efforts that it accepts")
    sampling_effort: str | None = Field(None, description="the effort with which temperature and logprobs work")
    image_rule: str | None = Field(None, description="how it resizes images, by name")
    image_tokens: int | None = Field(None, ge=1, description="tokens an image, where they are fixed")
    details: dict[str, Detail] | None = Field(
        None, description="words of 'detail' that it accepts, each with its image_rule and image_tokens; null: any word"
    )
    image_types: tuple[str, ...] = Field(
        ("image/png", "image/jpeg"), description="formats that it accepts; others are sent as PNG"
    )
    image_mib: float | None = Field(None, gt=0, description="MiB that an image may take as it is sent, in base64")

    def at(self, detail: str | None, name: str) -> Profile:
        """Return what is known of the model at a setting of ``detail``.

        Raises
        ------
        ObserverError
            If it does not accept this one.
        """
        if detail is None:
            return self
        if self.details is None:
            return self.model_copy(update={"image_rule": None, "image_tokens": None})
        if detail not in self.details:
            raise ObserverError(
                f"{name} does not accept detail {detail!r}: "
                f"{'choose from ' + ', '.join(self.details) if self.details else 'leave it out'}"
            )
        return self.model_copy(update=self.details[detail].model_dump())

    @property
    def rule(self) -> Rule | None:
        """How images are resized; None where it is not documented."""
        return RULES[self.image_rule] if self.image_rule else None

    def sees(self, width: int, height: int) -> SeenImage | None:
        """Return what the model sees of an image of this size; None where that is not documented."""
        return self.rule(width, height) if self.rule else None


@dataclass(frozen=True)
class Provider:
    """What is known of a provider.

    Attributes
    ----------
    name : str
    keys : tuple of str
        Environment variables that may hold the key, the first that is set counts; empty where none is needed.
    prices : str or None
        Its id in ``genai-prices``.
    base_url : str
        Where its server is; empty where only the user knows.
    base_url_env : str or None
        Environment variable by which the provider's SDK finds another server.
    """

    name: str
    keys: tuple[str, ...]
    prices: str | None
    base_url: str
    base_url_env: str | None


@cache
def _table() -> Mapping[str, Any]:
    from ruamel.yaml import YAML

    text = files(__package__).joinpath("providers.yaml").read_text(encoding="utf-8")
    table: Mapping[str, Any] = YAML(typ="safe", pure=True).load(text)
    return table


def provider(name: str) -> Provider:
    """Return what is known of a provider, by the name that stands before the colon of ``--observer``."""
    known = _table()[name]
    return Provider(
        name, tuple(known.get("keys", ())), known.get("prices"), known.get("base_url", ""), known.get("base_url_env")
    )


def profile(provider_name: str, model: str, changes: Mapping[str, Any]) -> Profile:
    """Return what is known of a model, with the user's changes.

    Raises
    ------
    ObserverError
        If a change is not one that a profile has.
    """
    models: Mapping[str, Any] = _table()[provider_name]["models"]
    known: Mapping[str, Any] = next(
        (fields for pattern, fields in models.items() if fnmatchcase(model, pattern)), {"known": False}
    )
    try:
        found = Profile.model_validate({**known, **changes})
    except ValidationError as error:
        listed = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ObserverError(f"option profile: {listed}; its fields are {', '.join(Profile.model_fields)}") from error
    for rule in (found.image_rule, *(detail.image_rule for detail in (found.details or {}).values())):
        if rule is not None and rule not in RULES:
            raise ObserverError(f"option profile: unknown image_rule {rule!r}; choose from {', '.join(RULES)}")
    return found
