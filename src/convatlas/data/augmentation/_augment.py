"""Random changes that keep the class, each a function of (seed, epoch, index of the image)."""

import numpy as np
import numpy.typing as npt
from jaxtyping import UInt8

from convatlas.data.augmentation._draw import Draw
from convatlas.data.augmentation._erase import erase
from convatlas.data.augmentation._fields import Augmentation
from convatlas.data.augmentation._place import placed


def augment(
    batch: UInt8[np.ndarray, "n h w c"],
    augmentation: Augmentation,
    side: int,
    *,
    seed: int,
    epoch: int,
    indices: npt.NDArray[np.int64],
) -> UInt8[np.ndarray, "n s s c"]:
    """Each image cropped to `side` and changed at random, whatever else is in the batch.

    Args:
        batch: square images of at least `side`.
        indices: the images' numbers in their split, one per image.
    """
    n, stored = batch.shape[:2]
    assert stored == batch.shape[2] >= side, f"{side} from {batch.shape}"  # noqa: S101  an invariant of ours, not input
    assert len(indices) == n, f"{len(indices)} indices for {n} images"  # noqa: S101  an invariant of ours, not input
    draw = Draw(np.asarray(indices, np.int64), seed, epoch)
    result = placed(batch, augmentation, side, draw)
    if augmentation.erase:
        erase(result, augmentation.erase, draw.indices, seed=seed, epoch=epoch)
    return result
