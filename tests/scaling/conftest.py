"""Published tables, with results published or computed by independent software."""

from __future__ import annotations

import numpy as np
import pytest

# David (1988), The Method of Paired Comparisons, p. 116: a taste experiment.
TASTE = np.array([[0, 3, 2, 2], [12, 0, 11, 3], [13, 4, 0, 5], [13, 12, 10, 0]])


@pytest.fixture
def taste() -> np.ndarray:
    return TASTE.copy()
