"""What a model sees of an image, against what providers document and their processors do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavis.observers.api.profile import profile
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


@pytest.mark.parametrize(
    ("rule", "size", "tokens"),
    [
        ("claude-1568", (512, 512), 19 * 19),
        ("claude-1568", (1092, 1092), 39 * 39),
        ("claude-1568", (1920, 1080), 52 * 30),
        ("claude-2576", (1920, 1080), 69 * 39),
        ("openai-patches-1536", (1024, 1024), 1229),  # 32 x 32 patches, 1.2 tokens each
        ("qwen3-vl", (512, 512), 16 * 16),
        ("qwen3-vl", (1920, 1080), 60 * 34),
        ("internvl", (448, 448), 256),
        ("internvl", (1024, 1024), 10 * 256),  # nine tiles and the thumbnail
    ],
)
def test_tokens_of_documented_examples(rule: str, size: tuple[int, int], tokens: int) -> None:
    assert RULES[rule](*size).tokens == tokens


@pytest.mark.parametrize(
    ("provider", "model", "rule", "tokens"),
    [
        ("anthropic", "claude-opus-4-6", "claude-1568", None),
        ("anthropic", "claude-haiku-4-5-20251001", "claude-1568", None),
        ("anthropic", "claude-sonnet-4-20250514", "claude-1568", None),
        ("anthropic", "claude-3-haiku-20240307", "claude-1568", None),
        ("anthropic", "claude-opus-4-7", "claude-2576", None),
        ("openai", "gpt-5.2", "openai-patches-1536", None),
        ("google", "gemini-3.1-pro-preview", None, 1120),
        ("xai", "grok-4.1", None, None),
        ("openai-compatible", "Qwen/Qwen3-VL-32B-Instruct", "qwen3-vl", None),
        ("openai-compatible", "OpenGVLab/InternVL3_5-38B", "internvl", None),
        ("openai-compatible", "llava", None, None),
    ],
)
def test_each_model_has_the_rule_of_its_provider(
    provider: str, model: str, rule: str | None, tokens: int | None
) -> None:
    known = profile(provider, model, {})
    assert (known.image_rule, known.image_tokens) == (rule, tokens)


def test_gemini_takes_so_many_tokens_by_detail() -> None:
    known = profile("google", "gemini-3.1-pro-preview", {})
    tokens = {detail: known.at(detail, "gemini").image_tokens for detail in ("low", "medium", "high")}
    assert tokens == {"low": 280, "medium": 560, "high": 1120}


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
    gpt, qwen = (RULES[name](*size) for name in ("openai-patches-1536", "qwen3-vl"))
    for name, side, tokens in (("claude-1568", 1568, 1568), ("claude-2576", 2576, 4784)):
        claude = RULES[name](*size)
        assert max(claude.width, claude.height) <= side
        assert claude.tokens == -(-claude.width // 28) * -(-claude.height // 28) <= tokens
    assert max(gpt.width, gpt.height) <= 2048
    assert -(-gpt.width // 32) * -(-gpt.height // 32) <= 1536
    assert qwen.width % 32 == qwen.height % 32 == 0
    assert 256**2 <= qwen.width * qwen.height <= 4096**2
