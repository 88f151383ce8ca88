"""Options of the observers behind an API."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from visavis.observers.configurable import ObserverOptions

from .prices import PriceOptions


class ApiOptions(ObserverOptions):
    """How a model behind an API is asked."""

    base_url: tuple[str, ...] = Field((), description="address of the server, or several of them to share the work")
    key_env: str | None = Field(None, description="environment variable that holds the key")
    profile: dict[str, Any] = Field(
        default_factory=dict, description="what the model accepts, where the defaults are wrong"
    )

    temperature: float | None = Field(None, ge=0, description="sampling temperature; by default the provider's")
    seed: int | None = Field(None, ge=0, description="seed sent with each request, another for every trial")
    effort: str | None = Field(None, description="reasoning effort; by default the provider's")
    soft: bool = Field(False, description="soft choice from the log-probabilities of the answer")
    min_label_mass: float = Field(
        0.5, ge=0, le=1, description="with soft, leave p_left empty where the answers together are less probable"
    )
    reading: Literal["strict", "lenient"] = Field(
        "strict", description="lenient: also take 'Answer: A', 'Image A' and the like, by a closed grammar"
    )
    structured: bool | None = Field(
        None, description="force JSON; by default where the model accepts it and not for soft"
    )
    detail: str | None = Field(None, description="how closely images are looked at, in the provider's words")
    max_output_tokens: int = Field(8192, ge=1, description="most tokens of a reply, reasoning included")
    output_limit_field: Literal["max_tokens", "max_completion_tokens", "none"] = Field(
        "max_tokens", description="Chat Completions: the field that carries max_output_tokens"
    )
    body: dict[str, Any] = Field(default_factory=dict, description="more fields of the request, sent as they are")

    strict: bool = Field(False, description="refuse images that the model would resample, instead of warning")
    prerender: bool = Field(False, description="send images at the size that the model sees (Lanczos), and record it")

    reasks: int = Field(2, ge=0, description="ask again so often where a reply is not an answer")
    tries: int = Field(8, ge=1, description="send a request at most so often when the server or the line fails")
    first_wait_s: float = Field(1.0, gt=0, description="wait before the second try, doubled from then on")
    longest_wait_s: float = Field(60.0, gt=0, description="longest wait, also where the server asks for more")
    timeout_s: float = Field(120.0, gt=0, description="give a request up after so long")
    concurrency: int = Field(8, ge=1, description="most requests at once; fewer while the server asks for fewer")
    requests_per_minute: float | None = Field(None, gt=0, description="most requests a minute")
    tokens_per_minute: float | None = Field(None, gt=0, description="most tokens a minute, as estimated")

    prices: PriceOptions | None = Field(None, description='US dollars a million tokens: {"input": 2, "output": 8}')
    budget: float | None = Field(None, gt=0, description="US dollars that the session may cost at most")
    expected_output_tokens: int | None = Field(None, ge=1, description="of a reply, for the estimate of cost")
    cache: Path | None = Field(None, description="folder of replies that are never paid for twice")
    batch: Literal["provider", "file"] | None = Field(
        None, description="ask in batches: by the provider's batch API, or by files for another program to answer"
    )

    @field_validator("base_url", mode="before")
    @classmethod
    def _one_or_several(cls, given: Any) -> Any:
        return (given,) if isinstance(given, str) else given

    @field_validator("base_url")
    @classmethod
    def _addresses(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for url in given:
            if not url.startswith(("http://", "https://")):
                raise ValueError(f"{url!r} is not an address: it must begin with http:// or https://")
            if "@" in url.split("/")[2]:
                raise ValueError("an address must not hold a password: name the key's variable by key_env")
            if "?" in url or "#" in url:
                raise ValueError("an address ends before any '?': name the key's variable by key_env")
        return tuple(url.rstrip("/") for url in given)

    @field_validator("body")
    @classmethod
    def _one_whole_reply(cls, given: dict[str, Any]) -> dict[str, Any]:
        for name in ("stream", "background", "n", "candidate_count"):
            if name in given:
                raise ValueError(f"{name!r} is not for this: one whole reply is read")
        return given
