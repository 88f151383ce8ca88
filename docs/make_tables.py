"""Write docs/tables.md from what the analyses declare: ``python docs/make_tables.py``."""

from pathlib import Path

from visavis.scaling import describe_tables

PAGE = Path(__file__).with_name("tables.md")


OPENING = """\
# The tables of a comparison

`compare(trials)` gives these tables, by attribute (`comparison.alignment`) or name (`comparison["alignment"]`);
`visavis report` writes each as CSV, in `comparison.json`, and as LaTeX where the report shows it. Without a unit a
column is a name, a count or a number without unit. From Python `visavis.scaling.describe_tables()` gives the same as a
table. To add a table of your own, see [Working on visavis](contributing.md).
"""


def page() -> str:
    """Return the page."""
    parts = [OPENING]
    for name, columns in describe_tables().groupby("table", sort=False):
        lines = [f"## {name}\n", "| column | unit | meaning |", "|---|---|---|"]
        lines += [
            " | ".join(("", *(text.replace("|", "\\|") for text in row), "")).strip()
            for row in columns[["column", "unit", "meaning"]].itertuples(index=False, name=None)
        ]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
