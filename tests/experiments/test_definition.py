"""Definitions: what is written is what is meant, and what is wrong is named with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from visavis.experiments import Definition, DefinitionError, definition_schema

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
        ("repetitions: 3", "repetitons: 3", ["line 10: repetitons: unknown key; did you mean 'repetitions'?"]),
        ("    question:", "    qestion:", [
            "line 7: attributes.contrast.question: this key is missing",
            "line 8: attributes.contrast.qestion: unknown key; did you mean 'question'?",
        ]),
        ("seed: 7\n", "", ["line 1: seed: this key is missing"]),
        ("name: small", "name: 010", ["line 2: 010 is ambiguous (some YAML readers take a leading zero for octal)"]),
        ("repetitions: 3", "ties: no", ["line 10: no is ambiguous (some YAML readers take it for true or false)"]),
        ("name: small", "name: 1:30", ["line 2: 1:30 is ambiguous (some YAML readers take it for a number in base"]),
        ("name: small", "name: 2026-01-02", ["line 2: 2026-01-02 is ambiguous (some YAML readers take it for a date)"]),
        ("seed: 7", "seed: 1_000", ["line 3: 1_000 is ambiguous (some YAML readers drop the underscore)"]),
        ("name: small", "name: 2.5", ["line 2: name: 2.5 is read as a number, text is wanted: write it in quotes"]),
        ("repetitions: 3", "repetitions: '3'", ["line 10: repetitions: Input should be a valid integer, not '3'"]),
        ("repetitions: 3", "repetitions: 0", [
            "line 10: repetitions: Input should be greater than or equal to 1, not 0"
        ]),
        ("visavis: 1", "visavis: 2", ["line 1: visavis: Input should be 1, not 2"]),
        ("  folder: images", "  folder: images\n  manifest: m.csv", [
            "line 4: stimuli: give either 'folder' or 'manifest'"
        ]),
        ("name: small", "name: a/b", ["line 2: name: a name must not contain '/' or control characters, not 'a/b'"]),
        ("repetitions: 3", "pairs: {design: some}", [
            "line 10: pairs: 'design' must be one of all, listed, random, adaptive"
        ]),
        ("repetitions: 3", "pairs: {design: random, per_scen: 4}", [
            "line 10: pairs.per_scene: this key is missing",
            "line 10: pairs.per_scen: unknown key; did you mean 'per_scene'?",
        ]),
        ("repetitions: 3", "pairs:\n  design: listed\n  pairs: [[a, a]]", [
            "line 10: pairs: [a, a] pairs a rendition with itself"
        ]),
        ("repetitions: 3", "pairs: {design: listed, pairs: [[a, b], [b, a]]}", ["[b, a] is listed twice"]),
        ("repetitions: 3", "order: {blocks: [scene, scene]}", ["line 10: order: 'blocks' names something twice"]),
        ("repetitions: 3", "catch: [{attribute: hue, scene: s, expect: a, over: b}]", [
            "line 1: a catch trial asks for 'hue', which is not among 'attributes'"
        ]),
        ("repetitions: 3", "presentation: {background: [0, 0, 256]}", [
            "line 10: presentation.background.2: Input should be less than or equal to 255, not 256"
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
        (b"name: a\nname: b\n", "study.yaml:2:1: found duplicate key"),
        (b"name: \xff", "not UTF-8 text (byte 6): save the file as UTF-8"),
        (b"", "this is no mapping of keys to values"),
        (b"- a\n- b\n", "this is no mapping of keys to values"),
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
