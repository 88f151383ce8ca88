"""What a model sees of an image, against what providers document and their processors do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.observers.vision import RULES

SIZES = st.tuples(st.integers(16, 5000), st.integers(16, 5000)).filter(lambda s: max(s) < 15 * min(s))


@pytest.mark.parametrize(
    ("size", "claude", "gpt", "qwen", "internvl"),
    [
        ((512, 512), (512, 512), (512, 512), (512, 512), (448, 448)),
        ((640, 480), (640, 480), (640, 480), (640, 480), (1792, 1344)),
        ((1024, 1024), (1024, 1024), (1024, 1024), (1024, 1024), (1344, 1344)),
        ((1920, 1080), (1456, 819), (1649, 928), (1920, 1088), (1792, 896)),
        ((896, 896), (896, 896), (896, 896), (896, 896), (896, 896)),
    ],
)
def test_documented_examples(
    size: tuple[int, int], claude: object, gpt: object, qwen: object, internvl: object
) -> None:
    found = {name: (seen.width, seen.height) for name, seen in ((n, rule(*size)) for n, rule in RULES.items())}
    assert found["claude-1568"] == claude
    assert found["openai-patches-1536"] == gpt
    assert found["qwen3-vl"] == qwen
    assert found["internvl"] == internvl


@pytest.mark.parametrize("size", [(448, 448), (896, 448), (896, 896), (1344, 448), (1344, 896), (448, 896)])
def test_sizes_that_no_model_resamples(size: tuple[int, int]) -> None:
    for rule in RULES.values():
        seen = rule(*size)
        assert (seen.width, seen.height) == size


def test_claude_pads_to_whole_patches() -> None:
    assert RULES["claude-1568"](512, 512).padded == (532, 532)
    assert RULES["claude-1568"](896, 448).padded is None


@given(SIZES)
def test_sent_at_the_size_seen_an_image_is_not_resampled_again(size: tuple[int, int]) -> None:
    for name, rule in RULES.items():
        once = rule(*size)
        twice = rule(once.width, once.height)
        assert (twice.width, twice.height) == (once.width, once.height), name


@given(SIZES)
def test_limits_are_kept(size: tuple[int, int]) -> None:
    claude, gpt, qwen = (RULES[name](*size) for name in ("claude-1568", "openai-patches-1536", "qwen3-vl"))
    assert max(claude.width, claude.height) <= 1568
    assert claude.tokens == -(-claude.width // 28) * -(-claude.height // 28) <= 1568
    assert max(gpt.width, gpt.height) <= 2048
    assert -(-gpt.width // 32) * -(-gpt.height // 32) <= 1536
    assert qwen.width % 32 == qwen.height % 32 == 0
    assert 256**2 <= qwen.width * qwen.height <= 4096**2
