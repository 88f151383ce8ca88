"""What it took to get one trial's answer: requests, replies, tokens, money."""

from __future__ import annotations

from dataclasses import dataclass, field

from .reply import Reply, Usage


@dataclass
class Exchange:
    """Everything that was sent and received for one trial.

    Attributes
    ----------
    replies : list of Reply
    tries, from_cache : int
        Requests that went out, and replies that the cache gave instead.
    usage : Usage
    lost : int
        Replies that never arrived or cannot be read.
    broken_off : int
        Replies that arrived and did not end as they should; their usage is counted.
    lost_usd : float
        What they, and those without usage, can have cost at most.
    onset : str or None
        When the last request went out.
    latency_s : float or None
        How long its reply took.
    server : str or None
    reservations : list of str
        What was written down before its requests were sent; the response settles it.
    """

    replies: list[Reply] = field(default_factory=list)
    tries: int = 0
    from_cache: int = 0
    usage: Usage = field(default_factory=Usage)
    lost: int = 0
    broken_off: int = 0
    lost_usd: float = 0.0
    onset: str | None = None
    latency_s: float | None = None
    server: str | None = None
    reservations: list[str] = field(default_factory=list)
