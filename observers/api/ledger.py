"""Money: what was spent, what requests under way may still cost, and a budget that is never passed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from .pacing import Stopped
from .prices import Price
from .reply import Usage


class BudgetReached(Stopped):
    """The next request might cost more than is left."""


@dataclass
class Receipt:
    """The cost of one request, filled in when its reply is there.

    Attributes
    ----------
    most : float
        US dollars held back for it.
    usage : Usage or None
    """

    most: float = 0.0
    usage: Usage | None = None


class SharedBudget:
    """One budget of several observers, who spend from it at once.

    Parameters
    ----------
    limit : float
        US dollars.
    earlier : mapping of str to float, optional
        What earlier runs of each observer's session have cost at most; an observer's own ledger replaces it.
    """

    def __init__(self, limit: float, earlier: Mapping[str, float] | None = None) -> None:
        self.limit = limit
        self.changed = threading.Condition()
        self._earlier = dict(earlier or {})
        self._ledgers: dict[str, Ledger] = {}

    def join(self, name: str, ledger: Ledger) -> None:
        """Have an observer's ledger count."""
        with self.changed:
            self._earlier.pop(name, None)
            self._ledgers[name] = ledger

    @property
    def committed(self) -> float:
        """What was spent and lost, and what is under way may cost, of all observers."""
        with self.changed:
            return sum(self._earlier.values()) + sum(ledger.committed for ledger in self._ledgers.values())

    @property
    def most_read(self) -> int | None:
        """The most tokens that one trial of any observer has read, for those that have read none yet."""
        with self.changed:
            return max((ledger.most_read for ledger in self._ledgers.values() if ledger.most_read), default=None)

    @property
    def under_way(self) -> float:
        """What requests under way may cost, of all observers."""
        with self.changed:
            return sum(ledger.under_way for ledger in self._ledgers.values())


class Ledger:
    """Spending against a budget, from several threads.

    Parameters
    ----------
    price : Price or None
        None where it is unknown; then nothing is counted.
    budget : float or None
        US dollars; None for no limit.
    spent, lost : float
        What earlier runs of the session have spent, and what replies that never arrived may have cost at most.
    most_read : int or None
        The most tokens that one of their trials has read.
    shared : SharedBudget, optional
        Shared with other observers, beside the one of its own.
    name : str
        Of the observer, in the shared budget.
    """

    reached = False
    """Whether a request was held back, since it might have passed the budget."""

    def __init__(
        self,
        price: Price | None,
        budget: float | None,
        spent: float = 0.0,
        lost: float = 0.0,
        most_read: int | None = None,
        shared: SharedBudget | None = None,
        name: str = "",
    ) -> None:
        self.price = price
        self.budget = budget
        self.spent = spent
        self.lost = lost
        self._reserved = 0.0
        self._most_read = most_read
        self._shared = shared
        # One condition for all that share a budget, so that no two of them take the same money.
        self._changed = threading.Condition() if shared is None else shared.changed
        if shared is not None:
            shared.join(name, self)

    @property
    def most_read(self) -> int | None:
        """The most tokens that one trial has read; None before the first reply."""
        return self._most_read

    def _known_read(self) -> int | None:
        """Return what is known of how much a trial reads: by this observer, or before its first reply by the others."""
        return self._most_read or (self._shared.most_read if self._shared else None)

    @property
    def limited(self) -> bool:
        """Whether there is a budget."""
        return self.budget is not None or self._shared is not None

    @property
    def under_way(self) -> float:
        """What requests under way may cost."""
        return self._reserved

    @property
    def committed(self) -> float:
        """What was spent and lost, and what requests under way may cost."""
        return self.spent + self.lost + self._reserved

    def _fits_own(self, most: float) -> bool:
        return self.budget is None or self.committed + most <= self.budget

    def _fits(self, most: float) -> bool:
        return self._fits_own(most) and (self._shared is None or self._shared.committed + most <= self._shared.limit)

    @contextmanager
    def request(self, worst: Usage, stop: threading.Event) -> Iterator[Receipt]:
        """Hold back the most that a request can cost while it is under way.

        Estimates of tokens err; what replies say does not. So under a budget the first request goes alone, and from
        then on no request is thought to read less than the one that has read most; an observer of a panel that has no
        reply yet goes by the others'.

        Parameters
        ----------
        worst : Usage
            The most tokens that it can use, by the estimate.
        stop : Event

        Raises
        ------
        BudgetReached
            If it might pass the budget, also when all that is under way has ended.
        Stopped
            If `stop` was set while waiting for that.
        """
        with self._changed:
            while True:
                most = self.most(worst)
                alone = self._reserved == 0 if self._shared is None else self._shared.under_way == 0
                fits = self._fits(most)
                if fits and (not self.limited or alone or self._known_read() is not None):
                    break
                if alone or (self._reserved == 0 and not self._fits_own(most)):
                    self.reached = True
                    raise BudgetReached
                if stop.is_set():
                    raise Stopped
                self._changed.wait(0.5)
            self._reserved += most
        receipt = Receipt(most)
        try:
            yield receipt
        finally:
            with self._changed:
                left = self._reserved - most
                self._reserved = left if left > 1e-12 else 0.0  # sums of floats leave crumbs
                self.add(receipt.usage)
                if self.limited:
                    self._changed.notify_all()

    def add(self, usage: Usage | None) -> None:
        """Count what a reply has used; None where the provider did not say."""
        with self._changed:
            self.spent += self.cost(usage) or 0.0
            if usage is not None:
                self._most_read = max(usage.input, self._most_read or 0)

    def lose(self, receipt: Receipt) -> None:
        """Count a reply that was lost on its way, or came without usage, at the most that it can have cost."""
        with self._changed:
            self.lost += receipt.most

    def check(self) -> None:
        """Raise `BudgetReached` if what is under way, tried again, might pass the budget."""
        with self._changed:
            if not self._fits(0.0):
                self.reached = True
                raise BudgetReached

    def most(self, worst: Usage) -> float:
        """Return the most that a request of so many tokens can cost, by what others have read."""
        read = max(worst.input, self._known_read() or 0)
        return self.price.cost(Usage(read, worst.output)) if self.price else 0.0

    def cost(self, usage: Usage | None) -> float | None:
        """Return what these tokens cost; None where price or tokens are unknown."""
        return self.price.cost(usage) if self.price and usage else None
