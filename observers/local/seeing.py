"""What a model's own processor makes of an image, found by having it process one."""

from __future__ import annotations

from typing import Any

import numpy as np

from visavis.observers.vision import SeenImage


def process(processor: Any, prompt: str, width: int, height: int, image_token: int | None = None) -> SeenImage | None:
    """Have a processor make tensors of an image of some size, and read from them what it did.

    Parameters
    ----------
    processor : object
        transformers' own, of images and text.
    prompt : str
        With the place of one image.
    width, height : int
        In pixels.
    image_token : int, optional
        Id of the token that the model replaces by a part of the image.

    Returns
    -------
    SeenImage or None
        None where the tensors do not show it.
    """
    from PIL import Image

    made = processor(text=[prompt], images=[[Image.fromarray(_ramps(width, height))]], return_tensors="pt")
    tokens = None
    if image_token is not None:
        tokens = int((made["input_ids"] == image_token).sum())
    if "image_grid_thw" in made:  # Qwen: patches in rows and columns
        _, rows, columns = made["image_grid_thw"][0].tolist()
        patch = processor.image_processor.patch_size
        return SeenImage(columns * patch, rows * patch, tokens=tokens)
    pixels = made.get("pixel_values")
    if pixels is None or pixels.ndim < 4:
        return None
    pieces = pixels.reshape(-1, *pixels.shape[-3:]).float().numpy()
    grid = _grid(pieces[:, :2].mean((2, 3)))
    return grid and SeenImage(grid[0] * pieces.shape[3], grid[1] * pieces.shape[2], tokens, tiles=len(pieces))


def _ramps(width: int, height: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return an image that is redder to the right and greener to the bottom, so that a piece tells its place."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, width)
    image[..., 1] = np.linspace(0, 255, height)[:, None]
    return image


def _grid(means: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> tuple[int, int] | None:
    """Find columns and rows of tiles from their mean red and green.

    Parameters
    ----------
    means : array, shape (tiles, 2)
        Row by row; a thumbnail of the whole may come last.
    """
    count = len(means)
    if count > 1 and np.allclose(means[-1], means[:-1].mean(0), atol=0.02 * max(1e-6, float(np.ptp(means)))):
        means = means[:-1]
        count -= 1
    step = float(np.ptp(means[:, 1])) / (2 * count)  # less than from row to row
    columns = int((np.abs(means[:, 1] - means[0, 1]) <= step).sum())
    return (columns, count // columns) if count % columns == 0 else None
