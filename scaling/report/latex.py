"""Tables as LaTeX (with booktabs and graphicx), whatever the names in them hold."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "–": "--", "…": r"\ldots{}", "½": r"$\frac{1}{2}$",
    "²": r"\textsuperscript{2}",
    "β": r"$\beta$", "Δ": r"$\Delta$", "κ": r"$\kappa$", "ρ": r"$\rho$", "Σ": r"$\Sigma$", "τ": r"$\tau$",
}  # fmt: skip


def latex_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool], caption: str, label: str
) -> str:
    """Return a table with caption and label.

    Parameters
    ----------
    columns : sequence of str
    rows : sequence of sequences of str
    numeric : sequence of bool
        Which columns hold numbers; they stand to the right, with a true minus.
    caption, label : str
        Plain text; all texts are escaped.
    """
    alignment = "".join("r" if number else "l" for number in numeric)
    head = " & ".join(escaped(name) for name in columns)
    body = [" & ".join(_cell(*one) for one in zip(row, numeric, strict=True)) for row in rows]
    return "\n".join(
        (
            "% \\usepackage{booktabs,graphicx}; names in other scripts need XeLaTeX or LuaLaTeX with a font for them",
            r"\begin{table}",
            r"\centering\small",
            rf"\caption{{{escaped(caption)}}}",
            rf"\label{{tab:{label}}}",
            r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",  # only what is wider than the page
            rf"\begin{{tabular}}{{{alignment}}}",
            r"\toprule",
            rf"{head} \\",
            r"\midrule",
            *(rf"{line} \\" for line in body),
            r"\bottomrule",
            r"\end{tabular}}",
            r"\end{table}",
            "",
        )
    )


def escaped(text: str) -> str:
    """Return plain text as LaTeX shows it."""
    flat = re.sub(r"\s+", " ", text)
    return "".join(_SPECIAL.get(letter, letter) for letter in flat)


def _cell(text: str, number: bool) -> str:
    # A bracket at the beginning of a row would be taken for an option of the row's end before it.
    shown = re.sub(r"(?<![\w.])-(?=\d)", "$-$", escaped(text)) if number else escaped(text)
    return "{" + shown + "}" if shown.startswith(("[", "*")) else shown
