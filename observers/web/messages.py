"""What a page sends, checked: sizes and types are limited, and nothing else is taken.

Rule of this file: what comes from outside becomes a value of a known type here, or is refused.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from visavis.experiments import Choice, Response, Trial
from visavis.observers.human.layout import Placement

_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)
Milliseconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Short = Annotated[str, Field(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]
Text = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$")]
Px = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Length = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
Extent = Annotated[int, Field(ge=0, le=1_000_000)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Token = Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_-]*$")]
KeyName = Annotated[str, Field(max_length=20, pattern=r"^[^\s<>&\"\x00-\x1f\x7f]*$")]
Interruption = Literal["window", "hidden", "focus", "zoomed", "too_small", "escape"]
Message = TypeVar("Message", bound=BaseModel)


def read(message: type[Message], content: bytes) -> Message:
    """Return a message of a page.

    Parameters
    ----------
    message : type
        One of this file's.
    content : bytes
        JSON; depth and the length of numbers are limited by the reader.

    Raises
    ------
    pydantic.ValidationError
    """
    return message.model_validate_json(content)


class Enter(BaseModel):
    """Somebody comes by the study's link."""

    model_config = _STRICT
    parameters: dict[Annotated[str, Field(max_length=40)], Short] = Field(max_length=30)
    token: Token = ""


class Environment(BaseModel):
    """Browser and screen, as the page sees them; lengths in device pixels."""

    model_config = _STRICT
    user_agent: Short
    languages: list[Short] = Field(max_length=20)
    device_pixel_ratio: float = Field(gt=0, le=20, allow_inf_nan=False)
    window_px: tuple[Extent, Extent]
    screen_px: tuple[Extent, Extent]
    pinch: float = Field(gt=0, le=100, allow_inf_nan=False)
    colour_depth: int = Field(ge=0, le=64)
    gamut: Literal["srgb", "p3", "rec2020", "unknown"]
    dynamic_range: Literal["standard", "high", "unknown"]
    touch: bool
    frame_ms: Milliseconds
    clock_resolution_ms: Milliseconds


class Open(BaseModel):
    """A page is opened, or begins: from now on this tab answers."""

    model_config = _STRICT
    tab: Token
    environment: Environment


class Begin(Open):
    """The participant agreed and filled in the form."""

    agreed: bool
    answers: dict[Annotated[str, Field(max_length=200)], Text] = Field(max_length=100)


class Intake(BaseModel):
    """Whether new participants are let in."""

    model_config = _STRICT
    intake: bool


class Tab(BaseModel):
    """Which tab asks."""

    model_config = _STRICT
    tab: Token


class Frames(BaseModel):
    """Intervals between frames from onset to answer."""

    model_config = _STRICT
    frames: Count
    median_ms: Milliseconds
    longest_ms: Milliseconds
    dropped: Count


class Answer(BaseModel):
    """An answer to a trial.

    Times of the onset and the answer are of one clock of the page; ``ago_ms`` is how long before it was sent it was
    given, so that the participant's clock need not be right.
    """

    model_config = _STRICT
    tab: Token
    trial: Count
    choice: Literal["left", "right", "tie"]
    response_time_ms: Milliseconds
    ago_ms: Milliseconds
    uncertainty_ms: Milliseconds
    device: Literal["keyboard", "mouse", "touch", "pen", "button"]
    key: KeyName
    at_px: tuple[Px, Px] | None = None
    exposure_ms: Milliseconds | None = None
    interruptions: list[Interruption] = Field(max_length=1000)
    frames: Frames
    places: dict[Literal["left", "right", "reference"], tuple[Length, Length, Extent, Extent]]
    window_px: tuple[Extent, Extent]
    device_pixel_ratio: float = Field(gt=0, le=20, allow_inf_nan=False)
    pinch: float = Field(gt=0, le=100, allow_inf_nan=False)
    untrusted: bool = False


def as_response(
    answer: Answer, trial: Trial, hashes: dict[str, str], expected: dict[str, Placement] | None
) -> Response:
    """Return an answer as every observer gives it.

    Parameters
    ----------
    answer : Answer
    trial : Trial
    hashes : dict
        Of the images' pixels, by role.
    expected : dict or None
        Where the layout of the session places the images in the window that the page had; None where they do not fit.
    """
    answered = datetime.now(UTC) - timedelta(milliseconds=answer.ago_ms)
    onset = answered - timedelta(milliseconds=answer.response_time_ms)
    exact = (
        expected is not None
        and answer.pinch == 1.0
        and {role: list(place) for role, place in answer.places.items()}
        == {role: place.record() for role, place in expected.items()}
    )
    provenance: dict[str, Any] = {
        "device": answer.device,
        "key": answer.key,
        "shown": [
            {"pixels_sha256": hashes[role], "place_px": list(answer.places[role])}
            for role in hashes
            if role in answer.places
        ],
        "pixels": "one to one" if exact else "not one to one",
        "window_px": list(answer.window_px),
        "device_pixel_ratio": answer.device_pixel_ratio,
        "frames": answer.frames.model_dump(),
        "clock": "browser",
        "time_uncertainty_ms": round(answer.uncertainty_ms, 3),
    }
    if answer.at_px is not None:
        provenance["clicked_px"] = list(answer.at_px)
    if answer.exposure_ms is not None:
        provenance["exposure_s"] = round(answer.exposure_ms / 1000, 6)
    if answer.interruptions:
        provenance["interruptions"] = len(answer.interruptions)
        provenance["interrupted_by"] = answer.interruptions[:20]
    if answer.untrusted:
        provenance["untrusted_event"] = True
    choice: Choice = answer.choice
    return Response(
        trial.id,
        "tie" if choice == "tie" else "choice",
        choice,
        response_time_s=round(answer.response_time_ms / 1000, 6),
        onset=onset.isoformat(timespec="microseconds"),
        answered_at=answered.isoformat(timespec="microseconds"),
        attempts=1 + len(answer.interruptions),
        provenance=provenance,
    )
