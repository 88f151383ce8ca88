"""The images of a session: their size and place in each trial; they are read before they are needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache

import numpy as np

from visavis.experiments import Experiment, ObserverError, Trial
from visavis.stimuli import Pixels, Stimulus

from .layout import DoesNotFit, Placement, Size, Viewing, in_a_row, scaled
from .timeline import Role, one_after_other, trial_roles

MASK = "mask"
_KEPT = 24
"""Pictures that are held in memory; a trial shows three at most, and the next trials' are read ahead."""


class Pictures:
    """Pictures of an experiment on a screen of some size.

    Parameters
    ----------
    experiment : Experiment
    window : (width, height)
    viewing : Viewing or None
        Needed where the definition gives a width in degrees.

    Raises
    ------
    ObserverError
        If images do not fit the screen, or their size in degrees needs viewing conditions that are not given.
    """

    def __init__(self, experiment: Experiment, window: Size, viewing: Viewing | None) -> None:
        self.experiment = experiment
        self.window = window
        self._width: float | None = None
        degrees = experiment.definition.presentation.width_deg
        if degrees is not None:
            if viewing is None:
                raise ObserverError(
                    "the definition gives the images' width in degrees: give the viewing conditions with "
                    "--width-cm and --distance-cm, or a --monitor that has both"
                )
            self._width = viewing.pixels(degrees)
        self._read: OrderedDict[str, Future[Pixels]] = OrderedDict()
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="visavis-pictures")
        self._check()

    def shown_size(self, stimulus: Stimulus) -> Size:
        """Return the size on the screen, in pixels."""
        return stimulus.size if self._width is None else scaled(stimulus.size, self._width)

    @property
    def resampled(self) -> bool:
        """Whether images are scaled on purpose, instead of shown pixel for pixel."""
        return self._width is not None

    def stimuli(self, trial: Trial) -> dict[Role, Stimulus]:
        """Return the images of a trial by their roles, in the order in which they stand."""
        names = {"left": trial.left, "right": trial.right, "reference": trial.reference}
        roles = trial_roles(self.experiment.definition.presentation, reference=trial.reference is not None)
        return {role: self.experiment.stimuli[trial.scene, str(names[role])] for role in roles}

    def places(self, trial: Trial) -> dict[Role, Placement]:
        """Return where each of `stimuli` stands."""
        stimuli = self.stimuli(trial)
        places = self._places(tuple(self.shown_size(stimulus) for stimulus in stimuli.values()))
        return dict(zip(stimuli, places, strict=True))

    def read_ahead(self, trials: Iterable[Trial]) -> None:
        """Begin to read the pictures of these trials, in a thread of its own."""
        for trial in trials:
            for stimulus in self.stimuli(trial).values():
                self._future(stimulus)

    def pixels(self, stimulus: Stimulus) -> Pixels:
        """Return a picture as it is shown, uint8 of shape (height, width, 3); at once if it was read ahead."""
        return self._future(stimulus).result()

    def mask(self, size: Size) -> Pixels:
        """Return the noise that hides an image (see `noise`)."""
        return noise(size)

    def close(self) -> None:
        """Stop reading."""
        self._reader.shutdown(wait=False, cancel_futures=True)

    def _future(self, stimulus: Stimulus) -> Future[Pixels]:
        key = stimulus.sha256
        if key not in self._read:
            self._read[key] = self._reader.submit(self._make, stimulus)
        self._read.move_to_end(key)
        while len(self._read) > _KEPT:
            self._read.popitem(last=False)
        return self._read[key]

    def _make(self, stimulus: Stimulus) -> Pixels:
        pixels = stimulus.pixels()
        size = self.shown_size(stimulus)
        if size == stimulus.size:
            return pixels
        from PIL import Image

        return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))

    def _check(self) -> None:
        """Refuse images that do not fit the screen, before the session."""
        reference = self.experiment.definition.reference
        for scene in self.experiment.stimuli.scenes:
            of_scene = [s for (name, _), s in self.experiment.stimuli.items() if name == scene]
            shown = [self.shown_size(of_scene[0])] * (2 if reference is None else 3)
            try:
                self._places(tuple(shown))
            except DoesNotFit as error:
                raise ObserverError(
                    f"scene {scene!r}: {error}: use a larger screen or smaller images, or give 'presentation.width_deg'"
                ) from error

    def _places(self, sizes: tuple[Size, ...]) -> list[Placement]:
        if one_after_other(self.experiment.definition.presentation):
            return [place for size in sizes for place in in_a_row([size], 0, self.window)]
        return in_a_row(sizes, self.experiment.definition.presentation.gap_px, self.window)


@lru_cache(maxsize=4)
def noise(size: Size) -> Pixels:
    """Return noise, the same in every session; uint8 of shape (height, width, 3), grey levels uniform."""
    grey = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 1), dtype=np.uint8)
    return np.repeat(grey, 3, axis=2)
