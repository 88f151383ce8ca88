"""Every example in the README and in docs/ does what the page says, and every link between pages leads somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from page_examples import ExampleFailed, run_page
from readme_pictures import FOLDER, PICTURES, words_and_places

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
DEMO_PAGE = ROOT / "docs" / "reading-a-report.md"


@pytest.mark.parametrize("page", [page for page in PAGES if page != DEMO_PAGE], ids=lambda page: page.name)
def test_examples(page: Path, tmp_path: Path) -> None:
    run_page(page, tmp_path)


def test_the_demo_draws_the_pictures_of_the_readme_and_of_the_page_about_it(demo: tuple[Path, list[str]]) -> None:
    text = DEMO_PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^visavis .*$|^>>>.*$", text, re.MULTILINE) == ["visavis demo study"]  # as the fixture does
    shown = re.findall(r"made/demo/(\S+)", text)
    assert len(shown) == 6
    assert [path for path in shown if not (demo[0] / path).exists()] == []
    for name in PICTURES:
        committed, drawn = (
            words_and_places((folder / f"{name}.svg").read_text(encoding="utf-8"))
            for folder in (FOLDER, demo[0] / "report")
        )
        assert committed[0] == drawn[0], "python docs/extensions/readme_pictures.py"
        np.testing.assert_allclose(committed[1], drawn[1], atol=0.5, err_msg="docs/extensions/readme_pictures.py")


@pytest.mark.parametrize(
    "text",
    [
        "```python\n>>> 1 + 1\n3\n\n```\n",
        "```sh\nvisavis status nowhere\n```\n",
        "```sh\nvisavis --help  # status 3\n```\n",
    ],
)
def test_an_example_that_does_something_else_fails(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(ExampleFailed, match=r"page\.md"):
        run_page(page, tmp_path)


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not target.startswith(("made/", "reference/")):  # made when the site is built
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
