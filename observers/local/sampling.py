"""Drawing tokens with random numbers of each reply's own, however many replies are written at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from visavis.experiments.random_stream import RandomStream


class OwnDraws:
    """Leaves one token of each row, drawn by its probability; a logits processor of transformers.

    transformers' own sampling draws from one stream for the whole batch, so that a reply would depend on what happens
    to be asked beside it.

    Parameters
    ----------
    streams : sequence of RandomStream
        One for each row.
    temperature : float
    """

    def __init__(self, streams: Sequence[RandomStream], temperature: float) -> None:
        self._streams = streams
        self._temperature = temperature

    def __call__(self, input_ids: Any, scores: Any) -> Any:  # noqa: ARG002 - transformers' signature
        """Return scores of 0 for the drawn token and −∞ for all others."""
        import torch

        draws = torch.tensor([stream.uniforms(1) for stream in self._streams], dtype=torch.float32)
        total = (scores.float() / self._temperature).softmax(-1).cumsum(-1)
        drawn = torch.searchsorted(total, draws.to(total.device) * total[:, -1:], right=True)
        last = scores.shape[-1] - 1
        return torch.full_like(scores, -torch.inf).scatter(-1, drawn.clamp_max(last), 0.0)
