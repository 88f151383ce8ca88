"""File names and URLs that tell scene and rendition."""

from __future__ import annotations

import re
from urllib.parse import unquote

from visavis.experiments.session import SessionError

_PARTS = {
    "scene": r"(?P<scene>[^/]+?)",
    "rendition": r"(?P<rendition>[^/]+)",
    "ext": r"[A-Za-z0-9]{1,5}",
    "": r"[^/]*?",
}


class SplitRule:
    """How the end of a path tells scene and rendition.

    Parameters
    ----------
    rule : str
        Such as ``{scene}/{rendition}.{ext}``; it may hold ``{}`` for anything, and lack ``{scene}``.

    Raises
    ------
    SessionError
        If the rule holds no ``{rendition}``, something twice, or an unknown part.
    """

    def __init__(self, rule: str) -> None:
        parts = re.findall(r"\{([^{}]*)\}", rule)
        unknown = [part for part in parts if part not in _PARTS]
        if unknown or parts.count("rendition") != 1 or parts.count("scene") > 1:
            raise SessionError(
                f"split: {rule!r} must hold {{rendition}} once, and may hold {{scene}}, {{ext}} and {{}} for anything, "
                "such as '{scene}_{rendition}.{ext}'"
            )
        pieces = re.split(r"\{([^{}]*)\}", rule)
        middle = "".join(_PARTS[piece] if i % 2 else re.escape(piece) for i, piece in enumerate(pieces))
        self.rule = rule
        self._expression = re.compile(rf"(?:.*/)?{middle}")

    def split(self, text: str) -> tuple[str | None, str] | None:
        """Return scene, if the rule tells it, and rendition; None if the text does not fit."""
        path = text.replace("\\", "/")
        if "://" in path:
            path = unquote(re.split(r"[?#]", path, maxsplit=1)[0])
        match = self._expression.fullmatch(path)
        if match is None:
            return None
        return match.groupdict().get("scene"), match["rendition"]
