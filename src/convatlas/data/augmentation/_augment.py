"""Random changes that keep the class, each a function of (seed, epoch, index of the image)."""

import numpy as np
import numpy.typing as npt
from jaxtyping import UInt8

from convatlas.data.augmentation._colours import jitter, jitters, shift_colours
from convatlas.data.augmentation._cut import cut_squares
from convatlas.data.augmentation._cutout import cutout
from convatlas.data.augmentation._draw import Draw
from convatlas.data.augmentation._erase import erase
from convatlas.data.augmentation._fields import Augmentation
from convatlas.data.augmentation._place import mirror, placed
from convatlas.data.augmentation._policy import operate

Images = npt.NDArray[np.uint8]


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
        batch: square images, of at least `side` unless crops are resized.
        indices: the images' numbers in their split, one per image.
    """
    n, stored = batch.shape[:2]
    assert stored == batch.shape[2], f"{batch.shape} are no squares"  # noqa: S101  an invariant of ours, not input
    assert len(indices) == n, f"{len(indices)} indices for {n} images"  # noqa: S101  an invariant of ours, not input
    draw = Draw(np.asarray(indices, np.int64), seed, epoch)
    if augmentation.needs_whole_images:
        return finish(cut_squares(batch, augmentation, side, draw), augmentation, draw)
    assert stored >= side, f"{side} from {batch.shape}"  # noqa: S101  an invariant of ours, not input
    result = placed(batch, augmentation, side, draw)
    _recolour(result, augmentation, draw)
    return result


def finish(crops: Images, augmentation: Augmentation, draw: Draw) -> Images:
    """All that follows the cutting of crops; `crops` are given up."""
    if augmentation.shift or augmentation.rotate or augmentation.scale:
        crops = placed(crops, augmentation, crops.shape[1], draw)
    elif augmentation.flip:
        mirror(crops, augmentation, draw)
    _recolour(crops, augmentation, draw)
    return crops


def _recolour(images: Images, augmentation: Augmentation, draw: Draw) -> None:
    """What changes pixels where they are, in place."""
    if augmentation.rand_augment or augmentation.trivial_augment:
        operate(images, augmentation, draw)
    if jitters(augmentation):
        jitter(images, augmentation, draw)
    if augmentation.pca_colour:
        shift_colours(images, augmentation.pca_colour, augmentation.pca_basis, draw)
    if augmentation.erase:
        erase(images, augmentation.erase, draw.indices, seed=draw.seed, epoch=draw.epoch)
    if augmentation.cutout:
        cutout(images, augmentation.cutout, augmentation.fill, draw)
