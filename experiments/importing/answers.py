"""What was answered: a choice a row, winner and loser, votes as counts, a share of votes, a scale of preference."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from visavis.base.near import fold
from visavis.base.trials import CHOICES

from .cells import Cells, first_line

_MOST_VOTES = 1_000_000


def take_answers(cells: Cells, table: pd.DataFrame) -> pd.DataFrame:
    """Add ``choice`` (left, right, tie, or missing) and ``answer``, what the file held; a row a vote.

    Parameters
    ----------
    cells : Cells
    table : DataFrame
        With ``left`` and ``right``, by line.
    """
    form = cells.layout.form[0]
    if form == "winner":
        return _winners(table)
    if form == "n_left":
        return _votes(cells, table)
    if form == "share_left":
        return _shares(cells, table)
    texts = cells.texts("choice")
    if texts is None:
        raise cells.source.error("lacks the column of choices")
    texts = texts.loc[table.index]
    table = table.assign(answer=texts)
    if cells.layout.scale is not None:
        table["choice"] = _scaled(cells, texts)
    else:
        table["choice"] = _words(cells, table, texts)
    if cells.layout.unknown_sides:
        table = _alternate(table)
    return table


def _winners(table: pd.DataFrame) -> pd.DataFrame:
    """Take left for the winner; sides are not known, so they alternate."""
    return _alternate(table.assign(answer=table["left"], choice="left"))


def _alternate(table: pd.DataFrame) -> pd.DataFrame:
    """Swap the sides of every other row."""
    swap = np.arange(len(table)) % 2 == 1
    left, right = table["left"].where(~swap, table["right"]), table["right"].where(~swap, table["left"])
    choice = table["choice"].where(~swap, table["choice"].map({"left": "right", "right": "left", "tie": "tie"}))
    return table.assign(left=left, right=right, choice=choice)


def _votes(cells: Cells, table: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for column, choice in (("n_left", "left"), ("n_right", "right"), ("n_tie", "tie")):
        texts = cells.texts(column)
        if texts is None:
            continue
        counts = cells.numbers(texts.loc[table.index], cells.spelt(column)).fillna(0)
        parts.append(_repeat(cells, table, counts, choice, cells.spelt(column)))
    return pd.concat(parts).sort_index(kind="stable")


def _repeat(cells: Cells, table: pd.DataFrame, counts: pd.Series, choice: str, name: str) -> pd.DataFrame:
    """Repeat each row as often as it was voted for."""
    wrong = (counts < 0) | (counts != counts.round()) | (counts > _MOST_VOTES)
    if wrong.any():
        line = first_line(wrong)
        raise cells.source.error(f"line {line}: {name} {counts[line]:g} is not a whole number of votes")
    rows = table.loc[table.index.repeat(counts.astype(int))]
    votes = pd.Series([f"{name} {count:g}" for count in counts], counts.index, dtype="string").loc[rows.index]
    return rows.assign(choice=choice, answer=votes.to_numpy())


def _shares(cells: Cells, table: pd.DataFrame) -> pd.DataFrame:
    side = "share_left" if cells.texts("share_left") is not None else "share_right"
    shares, votes = cells.texts(side), cells.texts("votes")
    if shares is None or votes is None:
        raise cells.source.error("a share of votes needs their number: name its column as votes, or --constant votes=5")
    share = cells.numbers(shares.loc[table.index], cells.spelt(side))
    total = cells.numbers(votes.loc[table.index], cells.spelt("votes"))
    table, total, share = table[share.notna()], total[share.notna()], share.dropna()
    count = (share * total).round()
    wrong = ~((share >= 0) & (share <= 1) & ((share * total - count).abs() < 1e-3 * total.clip(lower=1)))
    if wrong.any():
        line = first_line(wrong)
        raise cells.source.error(
            f"line {line}: {cells.spelt(side)} {share[line]:g} of {total[line]:g} votes is not a whole number of them: "
            "name their number as votes"
        )
    other = "right" if side == "share_left" else "left"
    name = cells.spelt(side)
    chosen = _repeat(cells, table, count, side.removeprefix("share_"), name)
    return pd.concat([chosen, _repeat(cells, table, total - count, other, name)]).sort_index(kind="stable")


def _scaled(cells: Cells, texts: pd.Series) -> pd.Series:
    """Read a scale of preference: below its middle left, above it right."""
    low, high = map(float, cells.layout.scale or (0, 1))
    values = cells.numbers(texts, cells.spelt("choice"))
    outside = (values < low) | (values > high)
    if outside.any():
        line = first_line(outside)
        raise cells.source.error(f"line {line}: {values[line]:g} is outside the scale from {low:g} to {high:g}")
    middle = (low + high) / 2
    choice = pd.Series(pd.NA, texts.index, dtype="string")
    return choice.mask(values < middle, "left").mask(values > middle, "right").mask(values == middle, "tie")


def _words(cells: Cells, table: pd.DataFrame, held: pd.Series) -> pd.Series:
    """Read the words of a choice column: the layout's answers, then the items' names, then left, right and tie."""
    answers = cells.layout.answers
    meaning = {word: word for word in CHOICES} | dict(answers)
    known = {text: _meaning(text, answers) for text in held.unique()}
    choice = held.map({text: found for text, found in known.items() if found}).astype("string")
    if not answers:
        _take_items(cells, table, held, choice)
    plain = {word: word for word in CHOICES if meaning[word] == word}
    return choice.fillna(held.str.casefold().map(plain).astype("string"))


def _meaning(text: str, answers: Mapping[str, str]) -> str | None:
    """Return what a layout says that a text means: as it is, in other capitals, or as the same number."""
    if text in answers:
        return answers[text]
    folded = {fold(known): meaning for known, meaning in answers.items()}
    if text and fold(text) in folded:
        return folded[fold(text)]
    try:
        number = float(text)
        return next((meaning for known, meaning in answers.items() if _number(known) == number), None)
    except ValueError:
        return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _take_items(cells: Cells, table: pd.DataFrame, held: pd.Series, choice: pd.Series) -> None:
    """Take the name of an item for the side it was on, in place: as written, as its file, or in other capitals."""
    as_file = cells.choice_of_file(held)
    for side in ("left", "right"):
        named = (held == table[side]) | (held == cells.raw[side].loc[held.index]) | (as_file == table[side])
        choice[(named.fillna(False).astype(bool) & choice.isna()).to_numpy()] = side
    both_ways = held.isin(CHOICES) & choice.notna() & (choice != held)
    if both_ways.any():
        word = held[first_line(both_ways)]
        cells.doubts.append(
            f"line {first_line(both_ways)}: {word!r} is the name of an item and a word for an answer; "
            f"it was taken for the item: where it is the answer, say --answer {word}={word}"
        )
    open_ = choice.isna() & (held != "") & ~held.str.casefold().isin(CHOICES)
    if not open_.any():
        return
    folded = {text: fold(text) for text in pd.concat([held[open_], table["left"], table["right"]]).unique()}
    near = held[open_].map(folded)
    is_left, is_right = ((near == table.loc[near.index, side].map(folded)) for side in ("left", "right"))
    only = is_left != is_right
    if only.any():
        line = first_line(only)
        cells.notes.append(f"line {line}: {held[line]!r} is taken for the item of that name in other capitals")
    choice[near.index[(only & is_left).to_numpy()]] = "left"
    choice[near.index[(only & is_right).to_numpy()]] = "right"
