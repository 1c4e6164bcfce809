"""Square images made smaller or larger together."""

import numpy as np
import torch
from jaxtyping import UInt8
from torch.nn import functional as F


def resized(batch: UInt8[np.ndarray, "n h w c"], side: int) -> UInt8[np.ndarray, "n s s c"]:
    """The images at another side, bilinear and antialiased; within a grey level of Pillow's."""
    if batch.shape[1] == side:
        return batch
    images = torch.from_numpy(np.ascontiguousarray(batch)).permute(0, 3, 1, 2)
    small = F.interpolate(images, (side, side), mode="bilinear", antialias=True)
    return small.permute(0, 2, 3, 1).contiguous().numpy()
