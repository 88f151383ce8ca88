"""The report: whole, self-contained, the numbers of the comparison, and no text of the user's taken for markup."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from trial_tables import trials_table

from visavis.scaling import Comparison, Options, compare, report_html, write_report

VALUES = {"contrast": np.array([-1.0, 0.0, 1.0]), "preference": np.array([0.4, 0.1, -0.5])}
QUICK = Options(resamples=100)
EVIL = '<script>alert("1")</script>'
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Collects elements, texts and addresses, and checks that what is opened is closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.addresses: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "action"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())


@pytest.fixture(scope="module")
def trials() -> pd.DataFrame:
    return trials_table({**{f"P{i}": VALUES for i in range(4)}, "M1": VALUES, "M2": VALUES})


@pytest.fixture(scope="module")
def comparison(trials: pd.DataFrame) -> Comparison:
    return compare(trials, options=QUICK)


def test_the_page_is_whole_and_asks_nothing_from_outside(comparison: Comparison) -> None:
    page = Page(report_html(comparison))
    assert page.tags.count("svg") == 6
    assert "script" not in page.tags
    assert all(address.startswith("#") for address in page.addresses)
    assert not re.search(r"url\((?!#)", report_html(comparison))


def test_the_page_says_what_it_was_made_from(comparison: Comparison) -> None:
    text = " ".join(Page(report_html(comparison)).texts)
    assert "0" * 64 in text
    assert "visavis 0." in text
    assert "prior_sd=2.0" in text
    row = comparison.alignment.iloc[0]
    assert f"{row['rho']:.2f} [{row['low']:.2f}, {row['high']:.2f}]" in text


def test_names_stand_as_they_are(trials: pd.DataFrame) -> None:
    named = trials.replace({"M1": "rms_contrast"})
    texts = Page(report_html(compare(named, options=QUICK))).texts
    assert "rms_contrast" in texts
    assert "rms contrast" not in texts


def test_the_same_comparison_gives_the_same_page(trials: pd.DataFrame, comparison: Comparison) -> None:
    assert report_html(compare(trials, options=QUICK)) == report_html(comparison)


def test_no_text_of_the_users_is_taken_for_markup(trials: pd.DataFrame) -> None:
    evil = trials.copy()
    for column, value in (("observer", "M1"), ("scene", "s0"), ("attribute", "contrast")):
        evil[column] = evil[column].replace(value, f"{EVIL}{value}")
    for side in ("left", "right"):
        evil[side] = evil[side].replace("c0", f"{EVIL}$x_$c0")
    evil["experiment"] = EVIL
    html = report_html(compare(evil, options=QUICK))
    assert "<script" not in html
    page = Page(html)
    assert any(EVIL in text for text in page.texts)
    assert any("$x_$c0" in text for text in page.texts)


def test_names_in_every_script_are_shown(trials: pd.DataFrame) -> None:
    named = trials.replace({"M1": "模型", "c0": "低对比度", "contrast": "Farbigkeit é"})
    assert report_html(compare(named, options=QUICK)).count("模型") >= 4


@pytest.mark.parametrize(
    "query",
    ["observer_kind == 'human'", "observer_kind == 'vlm'", "observer != 'M1'", "scene != 's0'", "repetition > 1"],
)
def test_a_report_of_less_data_is_whole_too(trials: pd.DataFrame, query: str) -> None:
    Page(report_html(compare(trials[~trials.eval(query)], options=QUICK)))


def test_json_and_csv_beside_the_page_hold_the_same_numbers(comparison: Comparison, tmp_path: Path) -> None:
    page = write_report(comparison, tmp_path / "new" / "report")
    assert page.read_text(encoding="utf-8") == report_html(comparison)
    data = json.loads((page.parent / "comparison.json").read_text(encoding="utf-8"))
    assert data["options"]["resamples"] == 100
    assert data["definitions"] == ["0" * 64]
    for name, table in comparison.tables().items():
        from_csv = pd.read_csv(page.parent / f"{name}.csv")
        if "reason" in table:  # an empty text is a missing one in a CSV
            from_csv["reason"] = from_csv["reason"].astype(object).fillna("")
        pd.testing.assert_frame_equal(from_csv, table, check_dtype=False, check_column_type=False, rtol=1e-9)
        numbers = {column: float for column in table if pd.api.types.is_float_dtype(table[column])}
        from_json = pd.DataFrame(data[name], columns=table.columns).astype(numbers)
        pd.testing.assert_frame_equal(from_json, table, check_dtype=False, check_column_type=False, rtol=1e-8)


def test_figures_for_print_lie_beside_the_page(comparison: Comparison, tmp_path: Path) -> None:
    from PIL import Image

    folder = write_report(comparison, tmp_path).parent
    for name in ("scales", "alignment", "vr_within", "vr_between"):
        assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        assert "<svg" in (folder / f"{name}.svg").read_text(encoding="utf-8")
        with Image.open(folder / f"{name}.png") as image:
            assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
            assert len(np.unique(np.asarray(image.convert("L")))) > 20, "an empty picture"


def test_the_methods_are_told_in_sentences_with_the_numbers(trials: pd.DataFrame, comparison: Comparison) -> None:
    from visavis.scaling.methods import methods_paragraph

    text = methods_paragraph(comparison)
    assert text.startswith(
        "4 people and 2 models compared renditions of the same scene in pairs (6 scenes, 3 renditions)"
    )
    assert "Of 648 trials 648 ended in a choice or a tie" in text
    assert "Gaussian priors of SD 2" in text
    assert "95 % expanded percentile intervals (Hesterberg, 2015) from 100 resamples of scenes (seed 0)" in text
    assert text in " ".join(Page(report_html(comparison)).texts)
    other = Options(resamples=10, method="least_squares", model="bradley_terry", rho_mode="pooled", expanded=False)
    text = methods_paragraph(compare(trials, options=other))
    assert "the Bradley-Terry model (1952; unit: logits) by least squares" in text
    assert "all scenes and renditions at once" in text
    assert "95 % percentile intervals" in text


def test_many_models_keep_the_page_in_order() -> None:
    observers = {f"M{i:02}": VALUES for i in range(15)} | {"P1": VALUES, "P2": VALUES}
    Page(report_html(compare(trials_table(observers, scenes=2), options=QUICK)))
