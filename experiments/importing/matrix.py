"""A matrix of counts: how often the row's item was chosen over the column's."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from visavis.base.tables import TableError, read_numbers
from visavis.base.trials import ObserverKind
from visavis.experiments.session import SessionError

from .choices import complete
from .records import read_source


def import_matrix(
    source: Path | str,
    *,
    experiment: str,
    attribute: str = "preference",
    scene: str = "all",
    observer: str = "people",
    kind: ObserverKind = "human",
) -> pd.DataFrame:
    """Read a matrix of counts: how often the row's item was chosen over the column's.

    Parameters
    ----------
    source : path
        A CSV file as for `import_choices`, whose first row and first column name the items, in the same order.
    experiment, attribute, scene : str
    observer : str
        Name for all who chose; a matrix does not distinguish them, so nothing that needs single people can be computed.
    kind : {'human', 'vlm', 'metric', 'simulated'}

    Returns
    -------
    DataFrame
        A trials table with a row a choice. Sides are not known; they alternate.

    Raises
    ------
    SessionError
        If the file is not such a matrix; with the cell.
    """
    source = Path(source)
    read = read_source(source, (), index_column=True)
    frame = read.table.frame
    items = [str(name) for name in frame.columns[1:]]
    named = [str(name) for name in frame.iloc[:, 0]] if len(frame.columns) else []
    if named != items or len(set(items)) != len(items) or len(items) < 2:
        raise SessionError(f"{source}: the first row and the first column must name the same items in the same order")
    rows = []
    for j, other in enumerate(items):
        texts = frame.iloc[:, j + 1]
        try:
            counts, _ = read_numbers(texts, other, read.table.separator)
        except TableError:
            counts = pd.to_numeric(texts, errors="coerce")
        for i, chosen in enumerate(items):
            text, count = texts.iloc[i], counts.iloc[i]
            if i == j or text == "":
                continue
            if not (count >= 0 and count == round(count)):
                raise SessionError(f"{source}: {chosen} over {other}: {text!r} is not a whole number of choices")
            rows += [(i, j, chosen, other, number, text, texts.index[i]) for number in range(int(count))]
    if not rows:
        raise SessionError(f"{source}: all counts are 0")
    rows.sort(key=lambda row: row[:2])
    left = [chosen if (number + i + j) % 2 else other for i, j, chosen, other, number, *_ in rows]
    right = [other if (number + i + j) % 2 else chosen for i, j, chosen, other, number, *_ in rows]
    table = pd.DataFrame(
        {
            "left": left,
            "right": right,
            "choice": ["left" if row[2] == shown else "right" for row, shown in zip(rows, left, strict=True)],
            "answer": [row[5] for row in rows],
            "line": [row[6] for row in rows],
        }
    ).astype(dict.fromkeys(("left", "right", "choice", "answer"), "string"))
    table = table.assign(
        observer=observer, session="1", scene=scene, attribute=attribute, phase="main", file=str(source)
    )
    return complete(table, experiment, kind, read.sha256, False)
