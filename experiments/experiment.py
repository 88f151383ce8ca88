"""An experiment: a definition and the stimuli it speaks of, checked against each other before anything runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from visavis.base.near import did_you_mean
from visavis.stimuli import StimulusSet

from .definition import Definition, DefinitionError, ListedPairs, RandomPairs
from .plan import Plan
from .trial_sequence import make_plan

_MOST_TRIALS = 5_000_000


@dataclass(frozen=True, repr=False)
class Experiment:
    """A definition together with its stimuli; made by `load` from a file or by `from_dict` in Python.

    Attributes
    ----------
    definition : Definition
    stimuli : StimulusSet
        Every image that the definition may show.
    """

    definition: Definition
    stimuli: StimulusSet

    def __post_init__(self) -> None:
        problems = list(_mismatches(self.definition, self.stimuli))
        if problems:
            raise DefinitionError(self.definition.name, problems)

    @classmethod
    def load(cls, path: Path | str) -> Experiment:
        """Read a definition file and the stimuli it names.

        Parameters
        ----------
        path : path
            The YAML file; its folder is where relative paths start.

        Raises
        ------
        DefinitionError
            If the definition cannot be used, or names what the stimuli do not have.
        StimulusError
            If the images cannot be used.
        """
        path = Path(path)
        definition = Definition.from_yaml(path)
        stimuli = load_stimuli(definition, path.parent)
        try:
            return cls(definition, stimuli)
        except DefinitionError as error:
            raise DefinitionError(str(path), error.problems) from None

    @classmethod
    def from_dict(cls, data: dict[str, Any], base: Path | str = ".") -> Experiment:
        """Make an experiment from plain Python objects, as they would stand in the YAML file.

        Parameters
        ----------
        data : dict
        base : path
            The folder where relative paths start.

        Raises
        ------
        DefinitionError, StimulusError
            As `load`.
        """
        definition = Definition.from_dict(data)
        return cls(definition, load_stimuli(definition, Path(base)))

    def __repr__(self) -> str:
        asked = ", ".join(self.definition.attributes)
        size = f"{len(self.stimuli.scenes)} scenes × {len(self.stimuli.renditions)} renditions"
        return f"<Experiment {self.definition.name!r}: {size}, on {asked}>"

    def with_repetitions(self, repetitions: int) -> Experiment:
        """Return this experiment with each pair asked another number of times.

        Raises
        ------
        DefinitionError
            If `repetitions` is less than 1.
        """
        data = {**self.definition.model_dump(mode="json"), "repetitions": repetitions}
        return replace(self, definition=Definition.from_dict(data))

    def plan(self, observer: str, session: str = "1") -> Plan:
        """Decide every trial of one observer's session (see `make_plan`)."""
        return make_plan(self.definition, self.stimuli.scenes, self.stimuli.renditions, str(observer), str(session))


def load_stimuli(definition: Definition, base: Path) -> StimulusSet:
    """Read the stimuli of `definition`, whose relative paths start at `base`."""
    chosen = definition.stimuli
    scenes = _with(chosen.scenes, _scenes_named(definition))
    renditions = _with(chosen.renditions, _renditions_named(definition))
    if chosen.manifest is not None:
        return StimulusSet.from_manifest(base / chosen.manifest, scenes=scenes, renditions=renditions)
    return StimulusSet.from_folder(base / str(chosen.folder), chosen.pattern, scenes=scenes, renditions=renditions)


def _trials(definition: Definition, renditions: int, scenes: int) -> int:
    """Count the trials of one session before any is made."""
    pairs = renditions * (renditions - 1) // 2
    if isinstance(definition.pairs, ListedPairs):
        pairs = len(definition.pairs.pairs)
    elif isinstance(definition.pairs, RandomPairs):
        pairs = definition.pairs.per_scene
    elif definition.adaptive:
        pairs = renditions - 1
    orders = 2 if definition.sides == "both_orders" else 1
    main = len(definition.attributes) * scenes * pairs * definition.repetitions * orders
    return (
        main
        + sum(catch.repetitions for catch in definition.catch)
        + (definition.practice.trials if definition.practice else 0)
    )


def _with(chosen: tuple[str, ...] | None, also: Iterator[tuple[str, str]]) -> list[str] | None:
    """Add to the chosen names those that other parts of the definition name."""
    return None if chosen is None else list(dict.fromkeys([*chosen, *(name for _, name in also)]))


def _scenes_named(definition: Definition) -> Iterator[tuple[str, str]]:
    """Yield the scenes that parts of the definition other than its stimuli name, each after the part."""
    for name in (definition.practice.scenes or ()) if definition.practice else ():
        yield "practice.scenes", name
    for position, catch in enumerate(definition.catch):
        yield f"catch.{position}.scene", catch.scene


def _renditions_named(definition: Definition) -> Iterator[tuple[str, str]]:
    if definition.reference is not None:
        yield "reference", definition.reference
    for position, catch in enumerate(definition.catch):
        yield f"catch.{position}.expect", catch.expect
        yield f"catch.{position}.over", catch.over
    if isinstance(definition.pairs, ListedPairs):
        for pair in definition.pairs.pairs:
            for name in pair:
                yield "pairs", name


def _mismatches(definition: Definition, stimuli: StimulusSet) -> Iterator[str]:
    """Yield everything in the definition that the stimuli do not allow."""
    for kind, named, known in (
        ("scene", _scenes_named(definition), stimuli.scenes),
        ("rendition", _renditions_named(definition), stimuli.renditions),
    ):
        for field, name in dict.fromkeys(named):
            if name not in known:
                yield f"{field}: unknown {kind} {name!r} in {stimuli.folder}: {did_you_mean(name, known[:10])}"
    compared = definition.compared(stimuli.renditions)
    planned = _trials(definition, len(compared), len(definition.main_scenes(stimuli.scenes)))
    if planned > _MOST_TRIALS:
        yield (
            f"repetitions: an observer would be asked {planned:,} trials, more than {_MOST_TRIALS:,}: lower "
            "'repetitions', or choose fewer attributes, scenes or pairs"
        )
    if len(compared) < 2:
        yield f"nothing to compare: {stimuli.folder} has {len(compared)} rendition(s) besides the reference"
    if isinstance(definition.pairs, RandomPairs):
        low, high = len(compared) - 1, len(compared) * (len(compared) - 1) // 2
        if not low <= definition.pairs.per_scene <= high:
            yield (
                f"pairs.per_scene: {len(compared)} renditions need from {low} pairs a scene (fewer leave some "
                f"unconnected) to {high} (all pairs), not {definition.pairs.per_scene}"
            )
    if isinstance(definition.pairs, ListedPairs) and definition.reference is not None:
        for pair in definition.pairs.pairs:
            if definition.reference in pair:
                yield f"pairs: [{', '.join(pair)}] compares the reference, which is shown beside every pair"
    if not definition.main_scenes(stimuli.scenes):
        yield "practice.scenes: every scene is kept for practice, none is left for the experiment"
