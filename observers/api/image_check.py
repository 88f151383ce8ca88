"""Which images a model would not see as they are: said before the run, or refused."""

from __future__ import annotations

from dataclasses import dataclass

from visavis.experiments import Experiment, ObserverError
from visavis.observers.question_writer import QuestionWriter, composite_size
from visavis.observers.vision import Rule

from .api_options import ApiOptions
from .profile import Profile


@dataclass(frozen=True)
class ImageCheck:
    """Holds the images of an experiment against what is known of a model.

    Attributes
    ----------
    name : str
        The observer's, for messages.
    model : str
    options : ApiOptions
    profile : Profile
    refuses_oversized : bool
        Whether the server refuses images that are too large, instead of shrinking them.
    """

    name: str
    model: str
    options: ApiOptions
    profile: Profile
    refuses_oversized: bool

    def warnings(self, experiment: Experiment, writer: QuestionWriter) -> list[str]:
        """Return what the model would see in another size or format than it is stored.

        Raises
        ------
        ObserverError
            If an image cannot be sent, or would be resampled and ``strict`` is set.
        """
        sizes = sorted({size for stimulus in experiment.stimuli.values() for size in sent(experiment, stimulus.size)})
        if self.profile.rule is None:
            problem = f"how {self.model} resizes images is not documented: what it sees may differ from what people see"
            warnings = self._warn_or_refuse(problem, "leave 'strict' out")
        else:
            warnings = [line for size in sizes for line in self._check_size(*size, self.profile.rule)]
        return warnings + self._check_files(experiment, writer)

    def _check_size(self, width: int, height: int, rule: Rule) -> list[str]:
        seen = rule(width, height)
        if (seen.width, seen.height) == (width, height):
            return []
        change = f"{self.model} sees {width}×{height} images as {seen.width}×{seen.height}"
        if self.options.prerender:
            return [f"{change}: they are sent at that size, resampled by Lanczos"]
        if self.refuses_oversized:
            raise ObserverError(
                f"{change}, and the server refuses to shrink them: add --prerender true, or smaller images"
            )
        return self._warn_or_refuse(change, "add --prerender true to resample them on purpose")

    def _check_files(self, experiment: Experiment, writer: QuestionWriter) -> list[str]:
        """Say which files are sent in another format, and refuse those that are too large to be sent."""
        if experiment.definition.models.images == "composite":
            return []
        limit = self.profile.image_mib
        accepted = self.profile.image_types
        for stimulus in experiment.stimuli.values():
            # Its pixels, or its file, and base64 makes four bytes of three: most images need no closer look.
            largest = max(3 * stimulus.width * stimulus.height, stimulus.path.stat().st_size) * 4 / 3
            if limit is not None and largest > limit * 2**20:
                size = len(writer.picture(stimulus).base64) / 2**20
                if size > limit:
                    raise ObserverError(
                        f"{self.name}: {stimulus.path} takes {size:.1f} MiB as it is sent, and the provider accepts "
                        f"{limit:g} MiB: make it smaller, or save it in a denser format"
                    )
        others = sorted({one.media_type for one in experiment.stimuli.values() if one.media_type not in accepted})
        if not others:
            return []
        return [f"{self.model} is not known to accept {', '.join(others)}: sent as PNG of exactly the same pixels"]

    def _warn_or_refuse(self, problem: str, remedy: str) -> list[str]:
        if self.options.strict:
            raise ObserverError(f"{self.name}: {problem} ('strict' is set): {remedy}")
        return [f"{problem} ({remedy})" if self.profile.rule else problem]


def sent(experiment: Experiment, size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return the sizes of the pictures in which a stimulus of this size is sent."""
    if experiment.definition.models.images == "separate":
        return [size]
    return [composite_size(*size), *([size] if experiment.definition.reference else [])]
