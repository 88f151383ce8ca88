"""Money: what was spent, what requests under way may still cost, and a budget that is never passed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
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
    ) -> None:
        self.price = price
        self.budget = budget
        self.spent = spent
        self.lost = lost
        self._reserved = 0.0
        self._most_read = most_read
        self._changed = threading.Condition()

    @contextmanager
    def request(self, worst: Usage, stop: threading.Event) -> Iterator[Receipt]:
        """Hold back the most that a request can cost while it is under way.

        Estimates of tokens err; what replies say does not. So under a budget the first request goes alone, and from
        then on no request is thought to read less than the one that has read most.

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
                alone = self._reserved == 0
                fits = self.budget is None or self.spent + self.lost + self._reserved + most <= self.budget
                if fits and (self.budget is None or alone or self._most_read is not None):
                    break
                if alone:
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
                if self.budget is not None:
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
            if self.budget is not None and self.spent + self.lost + self._reserved > self.budget:
                self.reached = True
                raise BudgetReached

    def most(self, worst: Usage) -> float:
        """Return the most that a request of so many tokens can cost, by what others have read."""
        read = max(worst.input, self._most_read or 0)
        return self.price.cost(Usage(read, worst.output)) if self.price else 0.0

    def cost(self, usage: Usage | None) -> float | None:
        """Return what these tokens cost; None where price or tokens are unknown."""
        return self.price.cost(usage) if self.price and usage else None
