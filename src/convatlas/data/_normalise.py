"""Bytes to the numbers that a net sees."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from convatlas.data._preprocessing import Preprocessing

_PIECE = 1 << 16  # elements: what is converted, shifted and scaled while it stays in the cache


def normalise(
    batch: UInt8[np.ndarray, "n h w c"], preprocessing: Preprocessing
) -> Float[Tensor, "n c h w"]:
    """(x / 255 - mean) / std per channel, float32 in channels_last memory format.

    Computed as (x - 255 mean) * (1 / (255 std)), each step rounded by itself: an image gives the
    same numbers in every batch. With `channel_order` "bgr" the channels are turned round first.
    """
    n, height, width, channels = batch.shape
    assert channels == preprocessing.channels  # noqa: S101  an invariant of ours, not input
    row = width * channels
    mean = torch.tensor(preprocessing.mean, dtype=torch.float64).mul(255)
    scale = torch.tensor(preprocessing.std, dtype=torch.float64).mul(255).reciprocal()
    means, scales = (values.float().repeat(width) for values in (mean, scale))
    if preprocessing.channel_order == "bgr":
        batch = batch[..., ::-1]
    rows = torch.from_numpy(np.ascontiguousarray(batch)).view(n * height, row)
    result = torch.from_numpy(np.empty((n * height, row), np.float32))  # NumPy asks for huge pages
    step = max(1, _PIECE // row)
    for start in range(0, n * height, step):
        piece = result[start : start + step]
        piece.copy_(rows[start : start + step]).sub_(means).mul_(scales)
    return result.view(n, height, width, channels).permute(0, 3, 1, 2)
