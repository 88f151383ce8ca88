"""The definition: what a person writes down to say what an experiment is.

YAML in, strict immutable models out. Everything a plan depends on stands here, and its canonical JSON (RFC 8785) has
one SHA-256 that every session records.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import rfc8785
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from visavis.base.text import bad_character, nfc

from .explanation import explain, shortened
from .presentation import MODEL_CONFIG, Presentation, Text, Words, in_language
from .yaml_file import KeyPath, YamlFile, read_yaml


class DefinitionError(ValueError):
    """A definition that cannot be used.

    Attributes
    ----------
    problems : tuple of str
        All that is wrong, each with the line or field and the remedy.
    """

    def __init__(self, source: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n  ".join((f"{source}: the definition cannot be used:", *self.problems)))


_LONGEST_NAME = 200
_LONGEST_TEXT = 20_000
_DEEPEST = 50
_MOST_VALUES = 200_000


def _check_name(name: str) -> str:
    if not name.strip() or name != name.strip():
        raise ValueError("a name must not be empty or begin or end with a space")
    if "/" in name or any(ord(character) < 32 for character in name):
        raise ValueError("a name must not contain '/' or control characters")
    bad = bad_character(name)
    if bad is not None:
        raise ValueError(f"a name must not contain {bad}, which cannot be seen or printed")
    if len(name) > _LONGEST_NAME:
        raise ValueError(f"a name must have at most {_LONGEST_NAME} characters")
    return nfc(name)


def _check_once(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is listed twice")
    return names


Name = Annotated[str, AfterValidator(_check_name)]
Scenes = Annotated[tuple[Name, ...], Field(min_length=1, strict=False), AfterValidator(_check_once)]
Renditions = Annotated[tuple[Name, ...], Field(min_length=2, strict=False), AfterValidator(_check_once)]


class Stimuli(BaseModel):
    """Where the images are: a folder of scenes x renditions, or a manifest.

    Attributes
    ----------
    folder : str
        Folder with the images, relative to the definition's own folder.
    pattern : str
        How file names tell scene and rendition.
    manifest : str
        A CSV with the columns scene, rendition, path; instead of `folder`.
    scenes, renditions : list of str
        Use only these, in this order (default: all).
    """

    model_config = MODEL_CONFIG
    folder: Text | None = None
    pattern: Text = "{scene}/{rendition}.{ext}"
    manifest: Text | None = None
    scenes: Scenes | None = None
    renditions: Renditions | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Stimuli:
        if (self.folder is None) == (self.manifest is None):
            raise ValueError("give either 'folder' or 'manifest'")
        return self


class Attribute(BaseModel):
    """One thing that is judged.

    Attributes
    ----------
    question : str
        The question put to people and models alike; like every text, it may be given in several languages.
    question_for_people, question_for_models : str
        Separate wordings, if they differ.
    """

    model_config = MODEL_CONFIG
    question: Words
    question_for_people: Words | None = None
    question_for_models: Words | None = None


class AllPairs(BaseModel):
    """Every pair of renditions of a scene."""

    model_config = MODEL_CONFIG
    design: Literal["all"] = "all"


class ListedPairs(BaseModel):
    """These pairs of renditions, in every scene."""

    model_config = MODEL_CONFIG
    design: Literal["listed"]
    pairs: tuple[Annotated[tuple[Name, Name], Field(strict=False)], ...] = Field(min_length=1, strict=False)

    @model_validator(mode="after")
    def _different_and_once(self) -> ListedPairs:
        seen: set[frozenset[str]] = set()
        for first, second in self.pairs:
            if first == second:
                raise ValueError(f"[{first}, {second}] pairs a rendition with itself")
            if frozenset((first, second)) in seen:
                raise ValueError(f"[{first}, {second}] is listed twice: ask more often with 'repetitions'")
            seen.add(frozenset((first, second)))
        return self


class RandomPairs(BaseModel):
    """A random part of all pairs, drawn for each scene so that the renditions stay connected.

    Attributes
    ----------
    per_scene : int
        Number of pairs in each scene; at least one fewer than there are renditions, or scales would fall apart.
    """

    model_config = MODEL_CONFIG
    design: Literal["random"]
    per_scene: int = Field(ge=1)


class AdaptivePairs(BaseModel):
    """The pairs that tell most about the scale, chosen from the observer's answers so far.

    Each repetition is a round, in which every scene gets one pair fewer than there are renditions.
    """

    model_config = MODEL_CONFIG
    design: Literal["adaptive"]


Pairs = Annotated[AllPairs | ListedPairs | RandomPairs | AdaptivePairs, Field(discriminator="design")]
BlockBy = Literal["attribute", "scene", "repetition"]


class Order(BaseModel):
    """In which order trials are asked.

    Attributes
    ----------
    blocks : list
        Blocks by attribute, scene or repetition, nested in the order given; an empty list mixes everything.
    block_order, trials : {'random', 'fixed'}
        Shuffle the blocks, and the trials within a block, or keep the order in which things are listed.
    per_observer : bool or 'balanced'
        Draw order and sides anew for each observer and session; with false all get the same sequence. ``balanced`` is
        as true, but the number at the end of an observer's name (P07: 7) decides two things: the outermost blocks
        follow a Williams design, and observers 1 and 2, 3 and 4, … are shown every pair with its sides exchanged.
    """

    model_config = MODEL_CONFIG
    blocks: tuple[BlockBy, ...] = Field(default=("attribute",), strict=False)
    block_order: Literal["random", "fixed"] = "random"
    trials: Literal["random", "fixed"] = "random"
    per_observer: bool | Literal["balanced"] = True

    @model_validator(mode="after")
    def _each_once(self) -> Order:
        if len(set(self.blocks)) < len(self.blocks):
            raise ValueError("'blocks' names something twice")
        return self


class Practice(BaseModel):
    """Trials before the experiment that scaling does not read.

    Attributes
    ----------
    trials : int
        How many, drawn at random.
    scenes : list of str
        Scenes kept for practice alone; without it practice draws from the experiment's own scenes.
    feedback : bool
        Whether people are shown which answer was taken.
    """

    model_config = MODEL_CONFIG
    trials: int = Field(ge=1)
    scenes: Scenes | None = None
    feedback: bool = False


class CatchTrial(BaseModel):
    """A pair whose answer an attentive observer knows.

    Attributes
    ----------
    attribute, scene : str
        What is asked, and where.
    expect, over : str
        The rendition that should be chosen, and the other one.
    repetitions : int
        How often it is asked, spread over the session.
    """

    model_config = MODEL_CONFIG
    attribute: Name
    scene: Name
    expect: Name
    over: Name
    repetitions: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _different(self) -> CatchTrial:
        if self.expect == self.over:
            raise ValueError("'expect' and 'over' are the same rendition")
        return self


def _check_label(label: str) -> str:
    if not re.fullmatch(r"\w(?:[\w -]*\w)?", label):
        raise ValueError("a label is made of letters, digits, single words apart by spaces or hyphens")
    return label


Label = Annotated[str, AfterValidator(_check_label)]


class Asking(BaseModel):
    """How models are asked: the same words and the same form of answer for all of them.

    Attributes
    ----------
    images : {'separate', 'composite'}
        Send the two images one after the other, or side by side in one.
    labels : list of two str
        What the left (or first) and the right (or second) image are called, and answered with.
    tie_label : str
        The answer for "equal", where the definition allows ties.
    reasoning : bool
        Whether models are asked to reason in words before they answer.
    language : str
        In which of the texts' languages models are asked.
    """

    model_config = MODEL_CONFIG
    images: Literal["separate", "composite"] = "separate"
    labels: Annotated[tuple[Label, Label], Field(strict=False)] = ("A", "B")
    tie_label: Label = "equal"
    reasoning: bool = False
    language: Text = "en"

    @model_validator(mode="after")
    def _distinct(self) -> Asking:
        labels = [label.casefold() for label in (*self.labels, self.tie_label)]
        if len(set(labels)) < len(labels):
            raise ValueError("'labels' and 'tie_label' must differ in more than capital letters")
        return self


class Definition(BaseModel):
    """A whole experiment, as one person writes it and every session records it.

    Attributes
    ----------
    visavis : 1
        Version of this format.
    name : str
        Short name of the experiment, the ``experiment`` column of the trials table.
    stimuli : Stimuli
    attributes : dict
        What is judged, by name.
    pairs : AllPairs, ListedPairs, RandomPairs or AdaptivePairs
    reference : str
        A rendition that is shown beside every pair and never compared.
    ties : bool
        Whether "equal" is an answer.
    repetitions : int
        How often each pair is asked (twice as often where `sides` is ``both_orders``); rounds of adaptive pairs.
    sides : {'random', 'counterbalanced', 'both_orders'}
        ``random``: a fair coin for each trial. ``counterbalanced``: over the repetitions of a pair either side as
        often, as nearly as the number allows, and over the pairs of a scene where it is odd. ``both_orders``: every
        repetition asks (A, B) and (B, A).
    order : Order
    practice : Practice
    catch : list of CatchTrial
    presentation : Presentation
    models : Asking
    seed : int
        With the observer's name and the session it decides everything that is random.
    """

    model_config = ConfigDict(**MODEL_CONFIG, title="visavis definition")
    visavis: Literal[1]
    name: Name
    stimuli: Stimuli
    attributes: dict[Name, Attribute] = Field(min_length=1)
    pairs: Pairs = AllPairs()
    reference: Name | None = None
    ties: bool = False
    repetitions: int = Field(default=1, ge=1)
    sides: Literal["random", "counterbalanced", "both_orders"] = "counterbalanced"
    order: Order = Order()
    practice: Practice | None = None
    catch: tuple[CatchTrial, ...] = Field(default=(), strict=False)
    presentation: Presentation = Presentation()
    models: Asking = Asking()
    seed: int = Field(ge=0, lt=2**53)

    @model_validator(mode="after")
    def _catch_trials_ask_known_attributes(self) -> Definition:
        for position, catch in enumerate(self.catch):
            if catch.attribute not in self.attributes:
                raise ValueError(f"catch.{position}.attribute: {catch.attribute!r} is not among 'attributes'")
        asked = [(c.attribute, c.scene, frozenset((c.expect, c.over))) for c in self.catch]
        if len(set(asked)) < len(asked):
            raise ValueError("'catch' lists a pair twice: ask more often with its 'repetitions'")
        return self

    @model_validator(mode="after")
    def _adaptive_pairs_are_for_one_observer(self) -> Definition:
        if self.adaptive and self.sides == "both_orders":
            raise ValueError("'sides: both_orders' goes with pairs that are known before: adaptive pairs take 'random' "
                             "or 'counterbalanced'")  # fmt: skip
        if self.adaptive and not self.order.per_observer:
            raise ValueError("'order.per_observer: false' gives everyone the same sequence, adaptive pairs do not")
        return self

    @property
    def adaptive(self) -> bool:
        """Whether pairs are chosen from the answers so far."""
        return isinstance(self.pairs, AdaptivePairs)

    def question(self, attribute: str, *, model: bool = False, language: str = "en") -> str:
        """Return the wording put to people, or to models."""
        asked = self.attributes[attribute]
        words = (asked.question_for_models if model else asked.question_for_people) or asked.question
        return in_language(words, language)

    def instructions(self, language: str = "en") -> str | None:
        """Return the instructions, if there are any."""
        words = self.presentation.instructions
        return None if words is None else in_language(words, language)

    def compared(self, renditions: Sequence[str]) -> list[str]:
        """Return those of `renditions` that main trials compare: those listed, without the reference."""
        listed = self.stimuli.renditions or renditions
        return [name for name in renditions if name in listed and name != self.reference]

    def main_scenes(self, scenes: Sequence[str]) -> list[str]:
        """Return those of `scenes` that main trials show: those listed, without those kept for practice."""
        listed = self.stimuli.scenes or scenes
        kept = (self.practice.scenes or ()) if self.practice else ()
        return [name for name in scenes if name in listed and name not in kept]

    def canonical_json(self) -> str:
        """Return the definition with all defaults filled in as canonical JSON (RFC 8785)."""
        return rfc8785.dumps(self.model_dump(mode="json")).decode()

    @property
    def sha256(self) -> str:
        """SHA-256 of the canonical JSON, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> Definition:
        """Read a definition back from its canonical JSON."""
        return _validate(json.loads(text), "the recorded definition", None)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Definition:
        """Read a definition from plain Python objects, as they would stand in the YAML file.

        Raises
        ------
        DefinitionError
            With every problem and its field.
        """
        return _validate(data, "definition", None)

    @classmethod
    def from_yaml(cls, path: Path | str) -> Definition:
        """Read a definition file.

        Raises
        ------
        DefinitionError
            With every problem, its line and the remedy.
        """
        path = Path(path)
        try:
            file = read_yaml(path)
        except FileNotFoundError:
            raise DefinitionError(str(path), ["no such file: write a starter with 'visavis new'"]) from None
        except OSError as error:
            raise DefinitionError(str(path), [error.strerror or str(error)]) from error
        except ValueError as error:
            raise DefinitionError(str(path), [str(error)]) from error
        return _validate(file.data, str(path), file)


def definition_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a definition file."""
    schema = Definition.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _unfit(data: Any) -> Iterator[tuple[KeyPath, str]]:
    """Yield what no definition may hold, with its path: too much, too deep, too long, or not text."""
    waiting: list[tuple[KeyPath, Any]] = [((), data)]
    seen = 0
    while waiting:
        path, value = waiting.pop()
        seen += 1
        if seen > _MOST_VALUES:
            yield (), f"more than {_MOST_VALUES:,} values: write fewer"
            return
        if len(path) > _DEEPEST:
            yield path[:3], f"nested more than {_DEEPEST} levels deep, or within itself: a few are enough"
            return
        if isinstance(value, Mapping):
            waiting += [((*path, key), one) for key, one in value.items()]
            waiting += [((*path, key), key) for key in value if isinstance(key, str)]
        elif isinstance(value, list | tuple):
            waiting += [((*path, position), one) for position, one in enumerate(value)]
        elif isinstance(value, str) and len(value) > _LONGEST_TEXT:
            yield path, f"a text of {len(value):,} characters, more than {_LONGEST_TEXT:,}: shorten it"
        elif isinstance(value, str) and any(0xD800 <= ord(character) <= 0xDFFF for character in value):
            yield path, "half a character (a lone surrogate), which no file can hold: write it anew"
        elif isinstance(value, int) and abs(value) > 2**53:
            yield path, "a whole number beyond 2^53, which not every reader keeps: write a smaller one"


def _located(path: KeyPath, text: str, file: YamlFile | None) -> str:
    line = file.line(path) if file else None
    field = shortened(".".join(str(part) for part in path))[1:-1]
    return f"{f'line {line}: ' if line else ''}{f'{field}: ' if field else ''}{text}"


def _validate(data: Any, source: str, file: YamlFile | None) -> Definition:
    problems = list(file.problems) if file else []
    unfit = list(islice(_unfit(data), 20))
    if unfit:
        said = [_located(path, text, file) for path, text in unfit]
        raise DefinitionError(source, [*problems, *said])
    if not isinstance(data, dict):
        raise DefinitionError(source, [*problems, "expected a mapping of keys to values: see 'visavis new'"])
    try:
        definition = Definition.model_validate(data)
    except ValidationError as error:
        schema = definition_schema()
        ambiguous = {problem.partition(":")[0] for problem in problems}
        details = error.errors()
        inner = {detail["loc"][:n] for detail in details for n in range(len(detail["loc"]))}
        for detail in details:
            if detail["type"] == "too_short" and detail["loc"] in inner:
                continue  # only because what is in the list is wrong itself
            text = explain(detail, file, schema)
            if text.partition(":")[0] not in ambiguous:  # the ambiguity is the cause, and was reported
                problems.append(text)
    if problems:
        raise DefinitionError(source, problems)
    return definition
