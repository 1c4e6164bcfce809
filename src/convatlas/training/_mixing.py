"""Batches mixed with themselves in another order: mixup and cutmix.

Sources: Zhang et al., ICLR 2018 (arXiv:1710.09412), Eq. 1; Yun et al., ICCV 2019
(arXiv:1905.04899), Eq. 1 to 3.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from convatlas.training._recipe import Recipe

_STREAM = 1  # beside the stream of the step's random layers


@dataclass(frozen=True, slots=True)
class Mixed:
    """Images that belong to `labels` by `share`, and to `others` by the rest."""

    images: Float[Tensor, "n c h w"]
    labels: Int[Tensor, " n"]
    others: Int[Tensor, " n"]
    share: float


def mixed(
    images: Float[Tensor, "n c h w"],
    labels: Int[Tensor, " n"],
    recipe: Recipe,
    *,
    seed: tuple[int, ...],
) -> Mixed | None:
    """The batch mixed as the recipe says, by one share for all images; None: left as it is.

    Args:
        seed: what the share, the place and the partners are drawn from.
    """
    if not (recipe.mixup or recipe.cutmix):
        return None
    random = np.random.default_rng((*seed, _STREAM))
    cut = bool(recipe.cutmix) and (not recipe.mixup or random.random() < 0.5)
    alpha = recipe.cutmix if cut else recipe.mixup
    share = float(random.beta(alpha, alpha))
    partner = torch.from_numpy(random.permutation(len(images))).to(images.device)
    if cut:
        images, share = _pasted(images, images[partner], share, random)
    else:
        images = torch.lerp(images[partner], images, share)
    return Mixed(images, labels, labels[partner], share)


def _pasted(
    images: Tensor, others: Tensor, share: float, random: np.random.Generator
) -> tuple[Tensor, float]:
    """`images` with a box of `others`; the share of the pixels that stay."""
    height, width = images.shape[-2:]
    side = (1 - share) ** 0.5
    middle_y, middle_x = int(random.integers(height)), int(random.integers(width))
    half_y, half_x = int(height * side) // 2, int(width * side) // 2
    top, bottom = max(0, middle_y - half_y), min(height, middle_y + half_y)
    left, right = max(0, middle_x - half_x), min(width, middle_x + half_x)
    result = images.clone()
    result[..., top:bottom, left:right] = others[..., top:bottom, left:right]
    return result, 1 - (bottom - top) * (right - left) / (height * width)
