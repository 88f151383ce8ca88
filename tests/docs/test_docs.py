"""Every example in the README and in docs/ does what the page says, and every link between pages leads somewhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

sys.path.insert(0, str(ROOT / "docs" / "extensions"))

from page_examples import ExampleFailed, run_page  # noqa: E402


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples(page: Path, tmp_path: Path) -> None:
    run_page(page, tmp_path)


@pytest.mark.parametrize(
    "text",
    ["```python\n>>> 1 + 1\n3\n\n```\n", "```sh\nvisavis status nowhere\n```\n", "```sh\nvisavis --help  # status 3\n```\n"],
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
