"""Options of the human observer: the screen, the viewing conditions, and what is known of the participant."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from visavis.observers.configurable import ObserverOptions


class HumanOptions(ObserverOptions):
    """How a person is shown the experiment."""

    screen: int | Literal["headless"] = Field(0, description="number of the screen, or headless for trying things out")
    window: tuple[int, int] | None = Field(
        None,
        description="size of a window in pixels, such as 1600x1000; by default the whole screen",
        examples=["1600x1000"],
    )
    language: str = Field("en", description="language of all texts: en, de, zh, or any that the definition has")
    font: str | None = Field(None, description="font of all texts; by default one that has the language's letters")
    monitor: str | None = Field(None, description="name of the monitor, as in PsychoPy's Monitor Center")
    width_cm: float | None = Field(None, gt=0, description="width of the whole screen; by default the monitor's")
    distance_cm: float | None = Field(None, gt=0, description="from eye to screen; by default the monitor's")
    luminance_cd_m2: float | None = Field(None, gt=0, description="luminance of white, as measured")
    white_point: str | None = Field(None, description="white point, such as D65")
    ambient_lux: float | None = Field(None, ge=0, description="light in the room, as measured")
    acuity: str | None = Field(None, description="result of the test of visual acuity")
    colour_vision: str | None = Field(None, description="result of the test of colour vision, such as Ishihara 14/14")
    answers: dict[str, Any] = Field(default_factory=dict, description="answers to the form, which is then not shown")

    @field_validator("window", mode="before")
    @classmethod
    def _sides(cls, value: Any) -> Any:
        return value.split("x") if isinstance(value, str) else value

    @model_validator(mode="after")
    def _whole(self) -> HumanOptions:
        if self.window is not None and min(self.window) < 200:
            raise ValueError("--window: 200×200 pixels is the least")
        return self
