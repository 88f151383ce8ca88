"""What models have used, from what every response recorded of tokens and money."""

from __future__ import annotations

import json

import pandas as pd

_TOKENS = ("input", "cached", "output", "reasoning")


def account(trials: pd.DataFrame) -> pd.DataFrame:
    """Sum what was used, by observer and by the model that in fact answered.

    Parameters
    ----------
    trials : DataFrame
        From `load_trials`. Trials that used no tokens are left out.

    Returns
    -------
    DataFrame
        ``observer, served_model, trials, requests``, tokens ``input, cached, output, reasoning`` and ``cost_usd``,
        which is missing where any price was unknown. `requests` counts failed ones too.
    """
    columns = ["observer", "served_model", "trials", "requests", *_TOKENS, "cost_usd"]
    rows = []
    for observer, text in trials[["observer", "provenance"]].dropna().itertuples(index=False):
        known = json.loads(text)
        tokens = known.get("tokens")
        if isinstance(tokens, dict) and any(tokens.values()):
            used = [tokens.get(name, 0) for name in _TOKENS]
            cost = known.get("cost_usd")
            rows.append(
                [
                    observer,
                    known.get("served_model"),
                    1,
                    known.get("tries", 0),
                    *used,
                    float("nan") if cost is None else cost,
                ]
            )
    table = pd.DataFrame(rows, columns=columns)
    grouped = table.groupby(["observer", "served_model"], dropna=False, sort=True)
    return grouped.agg(dict.fromkeys(columns[2:-1], "sum") | {"cost_usd": _all_or_none}).reset_index()


def _all_or_none(costs: pd.Series[float]) -> float:
    return float(costs.sum(skipna=False))
