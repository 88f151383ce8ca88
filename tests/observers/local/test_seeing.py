"""What processors make of images, read from their tensors: against the rules that the models' makers document."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from visavis.observers.local.model import VisionModel
from visavis.observers.local.seeing import process
from visavis.observers.vision import SeenImage, internvl, qwen_vl

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's and transformers' own

SIZES = [(512, 512), (640, 480), (1024, 1024), (1920, 1080), (896, 896), (896, 448), (448, 896), (384, 288), (300, 900),
         (1344, 448), (448, 448), (100, 70), (448, 1792)]  # fmt: skip


@pytest.mark.parametrize("size", SIZES)
def test_internvl_at_its_own_tiles(size: tuple[int, int], model: Callable[[str], VisionModel]) -> None:
    from transformers import GotOcr2ImageProcessorPil

    ours = model("internvl")
    ours.processor.image_processor = GotOcr2ImageProcessorPil(
        size={"height": 448, "width": 448}, min_patches=1, max_patches=12, crop_to_patches=True
    )
    seen, rule = ours.sees(*size), internvl(*size)
    assert seen is not None
    assert (seen.width, seen.height) == (rule.width, rule.height)
    assert 256 * seen.tiles == rule.tokens
    assert seen.tokens == 4 * seen.tiles


@pytest.mark.parametrize("size", SIZES)
def test_qwen_within_its_own_limits(size: tuple[int, int], model: Callable[[str], VisionModel]) -> None:
    from transformers import Qwen2VLImageProcessorPil

    ours = model("qwen")
    ours.processor.image_processor = Qwen2VLImageProcessorPil(
        patch_size=16, temporal_patch_size=2, merge_size=2, min_pixels=256**2, max_pixels=4096**2
    )
    rule = qwen_vl(*size)
    assert ours.sees(*size) == SeenImage(rule.width, rule.height, tokens=rule.tokens)


@pytest.mark.parametrize(
    ("pieces", "thumbnail", "seen"),
    [
        ((1, 1), False, (32, 32, 1)),
        ((3, 2), False, (96, 64, 6)),
        ((3, 2), True, (96, 64, 7)),
        ((1, 3), True, (32, 96, 4)),
        ((4, 1), True, (128, 32, 5)),
    ],
)
def test_any_processor_that_cuts_row_by_row(
    pieces: tuple[int, int], thumbnail: bool, seen: tuple[int, int, int], model: Callable[[str], VisionModel]
) -> None:
    import numpy as np
    import torch

    assert model

    def cuts(text: list[str], images: Any, return_tensors: str) -> dict[str, Any]:
        assert (text, return_tensors) == (["<image>"], "pt")
        image = images[0][0]
        columns, rows = pieces
        whole = np.asarray(image.resize((32 * columns, 32 * rows)), np.float32)
        tiles = [whole[32 * r : 32 * r + 32, 32 * c : 32 * c + 32] for r in range(rows) for c in range(columns)]
        tiles += [np.asarray(image.resize((32, 32)), np.float32)] if thumbnail else []
        return {"pixel_values": torch.from_numpy(np.stack(tiles)).permute(0, 3, 1, 2)[None]}

    found = process(cuts, "<image>", 200, 100)
    assert found == SeenImage(*seen[:2], None, tiles=seen[2])


def test_tensors_of_another_kind_tell_nothing(model: Callable[[str], VisionModel]) -> None:
    import torch

    assert model
    flat = SimpleNamespace(pixel_values=torch.zeros(4, 10))
    assert process(lambda **_: vars(flat), "<image>", 20, 10) is None


def test_tokens_are_those_that_the_model_takes_for_the_image(model: Callable[[str], VisionModel]) -> None:
    import torch

    assert model

    class Marks:
        """As Gemma's: the processor's own id is that of the mark before an image, not of the image's places."""

        image_token_id = 7

        def __call__(self, **_: Any) -> dict[str, Any]:
            return {"pixel_values": torch.zeros(1, 3, 32, 32), "input_ids": torch.tensor([[1, 7, 9, 9, 9, 9, 8]])}

    assert process(Marks(), "<image>", 20, 10, image_token=9) == SeenImage(32, 32, tokens=4)
    assert process(Marks(), "<image>", 20, 10) == SeenImage(32, 32, None)
