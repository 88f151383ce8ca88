"""Definitions: what is written is what is meant, and what is wrong is named with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from visavis.experiments import Definition, DefinitionError, Experiment, definition_schema

GOOD = """\
visavis: 1
name: small
seed: 7
stimuli:
  folder: images
attributes:
  contrast:
    question: Which image has the higher contrast?
    question_for_models: Which of the two images has more contrast?
repetitions: 3
"""


def problems_of(tmp_path: Path, text: str) -> tuple[str, ...]:
    file = tmp_path / "study.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        Definition.from_yaml(file)
    assert str(file) in str(caught.value)
    assert all(problem in str(caught.value) for problem in caught.value.problems)
    return caught.value.problems


@pytest.fixture
def good(tmp_path: Path) -> Definition:
    file = tmp_path / "study.yaml"
    file.write_text(GOOD, encoding="utf-8")
    return Definition.from_yaml(file)


def test_a_good_definition(good: Definition) -> None:
    assert good.repetitions == 3
    assert good.sides == "counterbalanced"
    assert good.question("contrast") == "Which image has the higher contrast?"
    assert good.question("contrast", model=True) == "Which of the two images has more contrast?"


def test_canonical_json_is_the_same_definition_and_its_hash_is_fixed(good: Definition) -> None:
    text = good.canonical_json()
    assert Definition.from_json(text) == good
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert good.sha256 == "11af2e817d2ae04b54a85f7d309912f7d32c1cc54be59d3be0429793d8230ccc"


def test_the_hash_sees_what_matters_and_nothing_else(tmp_path: Path, good: Definition) -> None:
    file = tmp_path / "other.yaml"
    file.write_text("# a remark\n" + GOOD.replace("seed: 7\n", "") + "seed:   7\nties: false\n", encoding="utf-8")
    assert Definition.from_yaml(file).sha256 == good.sha256
    file.write_text(GOOD.replace("seed: 7", "seed: 8"), encoding="utf-8")
    assert Definition.from_yaml(file).sha256 != good.sha256


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        ("repetitions: 3", "repetitons: 3", ["line 10: repetitons: unknown key: did you mean 'repetitions'?"]),
        ("    question:", "    qestion:", [
            "line 7: attributes.contrast.question: this key is missing",
            "line 8: attributes.contrast.qestion: unknown key: did you mean 'question'?",
        ]),
        ("seed: 7\n", "", ["seed: this key is missing"]),
        ("name: small", "name: 010", ["line 2: 010 is ambiguous (some YAML readers take a leading zero for octal)"]),
        ("repetitions: 3", "ties: no", [
            "line 10: no is ambiguous (some YAML readers take it for true or false): write it as true or false, or in "
        ]),
        ("name: small", "name: 0o17", ["line 2: 0o17 is ambiguous (some YAML readers take it for a number): write it"]),
        ("name: small", "name: 1:30", ["line 2: 1:30 is ambiguous (some YAML readers take it for a number in base"]),
        ("name: small", "name: 2026-01-02", ["line 2: 2026-01-02 is ambiguous (some YAML readers take it for a date)"]),
        ("seed: 7", "seed: 1_000", ["line 3: 1_000 is ambiguous (some YAML readers drop the underscore)"]),
        ("name: small", "name: 2.5", ["line 2: name: 2.5 is read as a number, expected text: write it in quotes"]),
        ("repetitions: 3", "repetitions: '3'", ["line 10: repetitions: expected a whole number, got '3'"]),
        ("repetitions: 3", "repetitions: 0", [
            "line 10: repetitions: must be greater than or equal to 1, got 0"
        ]),
        ("repetitions: 3", "repetitions:", ["line 10: repetitions: expected a whole number, got nothing"]),
        ("repetitions: 3", "ties: 'yes'", ["line 10: ties: expected true or false, got 'yes'"]),
        ("repetitions: 3", "pairs: all", [
            "line 10: pairs: expected the keys design, pairs, per_scene, got 'all'"
        ]),
        ("repetitions: 3", "order: {blocks: scene}", ["line 10: order.blocks: expected a list, got 'scene'"]),
        ("repetitions: 3", "pairs: {design: listed, pairs: [[a, b, c]]}", [
            "line 10: pairs.pairs.0: expected at most 2, got 3"
        ]),
        ("  folder: images", "  folder: images\n  renditions: [a, b, a]", [
            "line 6: stimuli.renditions: 'a' is listed twice"
        ]),
        ("  folder: images", "  folder: images\n  renditions: [a]", [
            "line 6: stimuli.renditions: expected at least 2, got 1"
        ]),
        ("visavis: 1", "visavis: 2", ["line 1: visavis: must be 1, got 2"]),
        ("  folder: images", "  folder: images\n  manifest: m.csv", [
            "line 4: stimuli: give either 'folder' or 'manifest'"
        ]),
        ("name: small", "name: a/b", ["line 2: name: a name must not contain '/' or control characters, got 'a/b'"]),
        ("repetitions: 3", "pairs: {design: some}", [
            "line 10: pairs: 'design' must be one of all, listed, random, adaptive"
        ]),
        ("repetitions: 3", "pairs: {design: random, per_scen: 4}", [
            "line 10: pairs.per_scene: this key is missing",
            "line 10: pairs.per_scen: unknown key: did you mean 'per_scene'?",
        ]),
        ("repetitions: 3", "pairs:\n  design: listed\n  pairs: [[a, a]]", [
            "line 10: pairs: [a, a] pairs a rendition with itself"
        ]),
        ("repetitions: 3", "pairs: {design: listed, pairs: [[a, b], [b, a]]}", ["[b, a] is listed twice"]),
        ("repetitions: 3", "order: {blocks: [scene, scene]}", ["line 10: order: 'blocks' names something twice"]),
        ("repetitions: 3", "catch: [{attribute: hue, scene: s, expect: a, over: b}]", [
            "catch.0.attribute: 'hue' is not among 'attributes'"
        ]),
        ("repetitions: 3", "presentation: {background: [0, 0, 256]}", [
            "line 10: presentation.background.2: must be less than or equal to 255, got 256"
        ]),
    ],
)  # fmt: skip
def test_bad_input_is_named_with_its_line_and_the_remedy(
    tmp_path: Path, was: str, now: str, expected: list[str]
) -> None:
    assert was in GOOD
    problems = problems_of(tmp_path, GOOD.replace(was, now))
    assert len(problems) == len(expected)
    for problem, part in zip(problems, expected, strict=True):
        assert part in problem


def test_all_problems_are_told_together(tmp_path: Path) -> None:
    text = GOOD.replace("seed: 7", "sed: 7").replace("repetitions: 3", "repetitions: 03")
    assert len(problems_of(tmp_path, text)) == 3


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"name: [a", "expected ',' or ']'"),
        (b"name: a\nname: b\n", 'line 2, column 1: found duplicate key "name": keep one of the two'),
        (
            b"question: Which: left?",
            "line 1, column 16: mapping values are not allowed here: text that holds ': ' must",
        ),
        (b"a:\n\tb: 1", "line 2, column 1: found character '\\t' that cannot start any token: indent with spaces"),
        (b"a: 1\n---\nb: 2", "line 2, column 1: expected a single document in the stream, but found another document"),
        (b"name: \xff", "not UTF-8 text (byte 6): save the file as UTF-8"),
        (b"", "expected a mapping of keys to values"),
        (b"- a\n- b\n", "expected a mapping of keys to values"),
    ],
)
def test_files_that_are_no_definition(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "study.yaml").write_bytes(content)
    with pytest.raises(DefinitionError, match="the definition cannot be used") as caught:
        Definition.from_yaml(tmp_path / "study.yaml")
    assert expected in str(caught.value)


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="no such file: write a starter with 'visavis new'"):
        Definition.from_yaml(tmp_path / "study.yaml")


def test_a_quoted_scalar_is_text_whatever_it_looks_like(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    file.write_text(GOOD.replace("name: small", "name: 'no'"), encoding="utf-8")
    assert Definition.from_yaml(file).name == "no"


def valid(instance: Any) -> bool:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(definition_schema()).is_valid(instance)


def test_the_json_schema_agrees_with_the_models(good: Definition) -> None:
    data = json.loads(good.canonical_json())
    assert valid(data)
    assert not valid({**data, "repetitons": 3})
    assert not valid({**data, "repetitions": 0})
    assert not valid({**data, "pairs": {"design": "random"}})
    assert valid({**data, "pairs": {"design": "random", "per_scene": 3}})


def test_the_published_schema_is_the_one_in_the_documentation() -> None:
    published = Path(__file__).parents[2] / "docs" / "definition.schema.json"
    assert json.loads(published.read_text(encoding="utf-8")) == definition_schema(), f"visavis schema -o {published}"


def test_what_the_images_lack_is_named_with_the_file_and_the_field(images: Path) -> None:
    file = images.parent / "study.yaml"
    file.write_text(
        GOOD + "reference: original\npractice: {trials: 1, scenes: [harbor]}\n"
        "catch: [{attribute: contrast, scene: coast, expect: c1, over: c9}]\n",
        encoding="utf-8",
    )
    with pytest.raises(DefinitionError) as caught:
        Experiment.load(file)
    assert str(caught.value).startswith(f"{file}: the definition cannot be used:")
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "practice.scenes",
        "reference",
        "catch.0.over",
    ]
    assert f"unknown rendition 'c9' in {images}: " in caught.value.problems[2]


def test_an_experiment_is_made_from_a_dictionary_as_from_a_file(images: Path) -> None:
    file = images.parent / "study.yaml"
    file.write_text(GOOD, encoding="utf-8")
    experiment = Experiment.load(file)
    data = {
        "visavis": 1,
        "name": "small",
        "seed": 7,
        "stimuli": {"folder": "images"},
        "attributes": {
            "contrast": {
                "question": "Which image has the higher contrast?",
                "question_for_models": "Which of the two images has more contrast?",
            }
        },
        "repetitions": 3,
    }
    assert Experiment.from_dict(data, images.parent) == experiment
    assert repr(experiment) == "<Experiment 'small': 3 scenes × 4 renditions, on contrast>"
    assert experiment.with_repetitions(5) == Experiment.from_dict({**data, "repetitions": 5}, images.parent)
    with pytest.raises(DefinitionError, match="repetitions: must be greater than or equal to 1, got 0"):
        experiment.with_repetitions(0)


def test_names_are_held_in_one_form_of_unicode() -> None:
    spelt = "Ga\u0308rten"
    data = {"visavis": 1, "name": "n", "seed": 1, "attributes": {"contrast": {"question": "Which?"}}}
    data["stimuli"] = {"folder": "images", "scenes": [spelt, "coast"]}
    assert Definition.from_dict(data).stimuli.scenes == ("G\u00e4rten", "coast")


WHOLE = "visavis: 1\nname: s\nstimuli: {folder: images}\nattributes: {c: {question: Q}}\nseed: 1\n"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WHOLE + "catch: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        (WHOLE + "catch: " + "[" * 60 + "]" * 60, "line 6: nested over 50 levels deep, or within itself"),
        (WHOLE + "catch: &a [*a]\n", "line 6: nested over 50 levels deep, or within itself"),
        (BOMB, "holds more than 200,000 values: write fewer, or without aliases"),
        (WHOLE + "? [a, b]\n: 1\n", "line 6: a key is a list or a mapping, expected text"),
        (
            WHOLE + "x: !!python/object/apply:os.system ['true']\n",
            "column 4: could not determine a constructor",
        ),
        (WHOLE.replace("seed: 1", "seed: " + "9" * 5000), "line 5: 999"),
        (WHOLE + "repetitions: 9007199254740993\n", "line 6: repetitions: a whole number beyond 2^53"),
        (
            WHOLE.replace("Q", "x" * 30_000),
            "line 4: attributes.c.question: a text of 30,000 characters",
        ),
        (WHOLE.replace("name: s", "name: " + "x" * 300), "line 2: name: a name must have at most 200 characters"),
        (WHOLE.replace("name: s", 'name: "a\\ud83d"'), "line 2: name: half a character"),
        (WHOLE.replace("name: s", 'name: "a\\u200bb"'), "line 2: name: a name must not contain U+200B"),
        (WHOLE.replace("seed: 1\n", ""), "seed: this key is missing: add 'seed: …' to the file, not indented"),
        (
            WHOLE + "practice: {}\n",
            "line 6: practice.trials: this key is missing: add 'trials: …' below practice",
        ),
        (WHOLE.replace("name: s", "name: " + "x" * 150 + "/"), "… (153 characters)"),
    ],
)
def test_what_is_too_much_too_deep_or_not_text_is_named_before_memory_is_spent(
    text: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "s.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        Definition.from_yaml(tmp_path / "s.yaml")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_dictionary_within_itself_is_refused() -> None:
    data: dict[str, object] = {"visavis": 1}
    data["models"] = data
    with pytest.raises(DefinitionError, match="nested more than 50 levels deep, or within itself"):
        Definition.from_dict(data)


def test_more_trials_than_a_session_can_hold_are_counted_before_they_are_made(experiment: Experiment) -> None:
    with pytest.raises(DefinitionError, match=r"an observer would be asked [0-9,]+ trials, more than 5,000,000"):
        experiment.with_repetitions(10**9)
