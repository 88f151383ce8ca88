"""Near misses of names: what somebody may have meant."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable


def near_miss(name: object, known: Iterable[object]) -> str | None:
    """Return the known name that is most like `name`, or None if nothing is.

    Names that differ in capital letters, width, accents' encoding or invisible characters alone are nearest.
    """
    names = [str(one) for one in known]
    folded = fold(str(name))
    for one in names:
        if fold(one) == folded:
            return one
    return next(iter(difflib.get_close_matches(str(name), names, n=1)), None)


def did_you_mean(name: object, known: Iterable[object], otherwise: str = "choose from") -> str:
    """Return ``did you mean 'x'?`` where something is near, or else a list of all that is known.

    Parameters
    ----------
    name : object
    known : iterable
    otherwise : str
        What stands before the list.
    """
    names = [str(one) for one in known]
    close = near_miss(name, names)
    if close is not None:
        return f"did you mean {close!r}?"
    return f"{otherwise} {', '.join(names)}" if names else "there are none"


def fold(text: str) -> str:
    """Return a text without what readers do not see or heed: capitals, width, spaces at the ends, invisible marks."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join("".join(c for c in plain if unicodedata.category(c) != "Cf").split())
