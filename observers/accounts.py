"""What models have used, from what every response recorded of tokens and money."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

_TOKENS = ("input", "cached", "output", "reasoning")
_IDENTITY = ["experiment", "observer", "session", "trial", "provenance"]


def account(responses: pd.DataFrame) -> pd.DataFrame:
    """Sum what was used, by observer and by the model that in fact answered.

    Parameters
    ----------
    responses : DataFrame
        From `load_trials` with ``every_response=True``, so that what failed and was asked again counts too. Responses
        that took neither requests nor tokens are left out, unless they record what a killed run may have lost.

    Returns
    -------
    DataFrame
        ``observer, served_model, trials, requests``, tokens ``input, cached, output, reasoning``, ``cost_usd``, and
        ``lost_usd``: the most that replies that were lost or came without usage can have cost beside that. Both
        are missing where any price was unknown. `requests` counts failed ones too; `served_model` is missing where
        no model answered, and a trial that was then asked again counts in both rows.
    """
    rows = []
    for *trial, text in responses[_IDENTITY].dropna(subset="provenance").itertuples(index=False):
        known = json.loads(text)
        tokens = known.get("tokens")
        if isinstance(tokens, dict) and (known.get("tries") or any(tokens.values()) or known.get("lost_usd")):
            cost = known.get("cost_usd")
            money = [float("nan")] * 2 if cost is None else [cost, known.get("lost_usd", 0.0)]
            used = [known.get("tries", 0), *(tokens.get(name, 0) for name in _TOKENS)]
            rows.append([trial[1], known.get("served_model"), tuple(trial), *used, *money])
    how: dict[str, Any] = {"trials": "nunique", "requests": "sum", **dict.fromkeys(_TOKENS, "sum")}
    how |= dict.fromkeys(("cost_usd", "lost_usd"), _all_or_none)
    table = pd.DataFrame(rows, columns=["observer", "served_model", *how])
    return table.groupby(["observer", "served_model"], dropna=False, sort=True).agg(how).reset_index()


def _all_or_none(costs: pd.Series[float]) -> float:
    return float(costs.sum(skipna=False))
