"""Prices: the user's own, else those of the package ``genai-prices``, else none, which is said and never guessed."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from pydantic import Field

from visavis.observers.configurable import ObserverOptions

from .reply import Usage


class PriceOptions(ObserverOptions):
    """What tokens cost, in US dollars a million."""

    input: float = Field(ge=0, description="for a million tokens read")
    output: float = Field(ge=0, description="for a million tokens written, reasoning included")
    cached: float | None = Field(None, ge=0, description="for a million tokens read from the provider's cache")


@dataclass(frozen=True)
class Price:
    """Prices in US dollars a token, and where they are from.

    Attributes
    ----------
    input, output, cached : float
    source : str
    """

    input: float
    output: float
    cached: float
    source: str

    def cost(self, usage: Usage) -> float:
        """Return what these tokens cost, in US dollars."""
        fresh = max(0, usage.input - usage.cached)
        return fresh * self.input + usage.cached * self.cached + usage.output * self.output

    def halved(self) -> Price:
        """Return the price of a batch, which providers sell at half."""
        return Price(self.input / 2, self.output / 2, self.cached / 2, f"{self.source}, half for a batch")


def find_price(model: str, provider: str | None, given: PriceOptions | None) -> Price | None:
    """Look a model's price up.

    Parameters
    ----------
    model : str
    provider : str or None
        The provider's id in ``genai-prices``; None for servers of one's own.
    given : PriceOptions or None
        The user's own prices, which come first.
    """
    if given is not None:
        cached = given.input if given.cached is None else given.cached
        return Price(given.input / 1e6, given.output / 1e6, cached / 1e6, "your prices")
    if provider is None or importlib.util.find_spec("genai_prices") is None:
        return None
    return _listed(model, provider)


def _listed(model: str, provider: str) -> Price | None:
    from genai_prices import Usage as Tokens
    from genai_prices import __version__, calc_price

    def price_of(**tokens: int) -> float:
        return float(calc_price(Tokens(**tokens), model_ref=model, provider_id=provider).total_price)

    # A thousand tokens: prices that rise with the length of the context do not rise yet.
    try:
        read, written = price_of(input_tokens=1000), price_of(output_tokens=1000)
        from_cache = price_of(input_tokens=1000, cache_read_tokens=1000)
    except LookupError:
        return None
    return Price(read / 1000, written / 1000, from_cache / 1000, f"genai-prices {__version__}")
