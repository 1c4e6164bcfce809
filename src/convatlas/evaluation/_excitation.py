"""What the gates of squeeze-and-excitation do, class by class and depth by depth."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from convatlas.data import Pixels, Preprocessing, Progress, centre, normalise
from convatlas.errors import UserError
from convatlas.evaluation._predictor import predictor_of
from convatlas.layers import SqueezeExcite

_SATURATED = 0.95  # gates beyond it, or below 1 - it, hardly pass on what they read


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExcitationBlock:
    """The gates of one block, each a value between 0 and 1 for every image and channel.

    `mean` and `deviation` (of single images from the mean, population) have a row per class and a
    column per channel; NaN for a class without images.
    """

    name: str
    mean: npt.NDArray[np.float64]  # [k, c]
    deviation: npt.NDArray[np.float64]  # [k, c]

    @property
    def channels(self) -> int:
        """How many gates the block has."""
        return self.mean.shape[1]

    @property
    def level(self) -> float:
        """The mean gate, every class weighing the same."""
        return float(np.nanmean(self.mean))

    @property
    def between(self) -> float:
        """Standard deviation of the classes' means, the mean over channels: what tells classes."""
        return float(np.nanmean(np.nanstd(self.mean, axis=0)))

    @property
    def within(self) -> float:
        """Standard deviation within a class, the mean over classes and channels."""
        return float(np.nanmean(self.deviation))

    @property
    def saturated(self) -> float:
        """Share of the channels whose mean gate is above 0.95 or below 0.05 for every class."""
        seen = self.mean[~np.isnan(self.mean).any(axis=1)]
        high, low = (seen > _SATURATED).all(axis=0), (seen < 1 - _SATURATED).all(axis=0)
        return float((high | low).mean())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Excitation:
    """The blocks of a net in running order, over the same images.

    Source of the analysis: Hu et al., CVPR 2018 (arXiv:1709.01507), "Role of Excitation".
    """

    classes: tuple[str, ...]
    images: tuple[int, ...]  # of each class
    blocks: tuple[ExcitationBlock, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; null for classes without images."""
        return {
            "classes": list(self.classes),
            "images": list(self.images),
            "blocks": [
                {
                    "name": block.name,
                    "channels": block.channels,
                    "level": block.level,
                    "between": block.between,
                    "within": block.within,
                    "saturated": block.saturated,
                    "mean": _listed(block.mean),
                    "deviation": _listed(block.deviation),
                }
                for block in self.blocks
            ],
        }


def excitation_blocks(net: nn.Module) -> dict[str, SqueezeExcite]:
    """The squeeze-and-excitation blocks of `net` by name.

    Raises:
        UserError: if it has none.
    """
    blocks = {n: m for n, m in net.named_modules() if isinstance(m, SqueezeExcite)}
    if not blocks:
        raise UserError(
            f"{type(net).__name__} has no squeeze-and-excitation block, so it has no gates. "
            "Nets that have: `convatlas models 'se*'`, `convatlas models 'efficientnet*'`."
        )
    return blocks


def excitation(
    net: nn.Module,
    pixels: Pixels,
    preprocessing: Preprocessing,
    classes: Sequence[str],
    *,
    batch: int = 128,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Excitation:
    """Mean and spread of every gate of `net` over the centre crops of `pixels`, per class.

    Gates of a block without the global average ("nosqueeze") are averaged over the pixels first.

    Raises:
        UserError: if `net` has no such block, or there are no images.
    """
    blocks = excitation_blocks(net)
    if len(pixels) == 0:
        raise UserError("There are no images to look at. Give a data set that has some.")
    predict = predictor_of(net, threads)
    sums = _Sums(len(classes))
    with _watched(blocks, sums):
        for start in range(0, len(pixels), batch):
            indices = np.arange(start, min(start + batch, len(pixels)))
            sums.labels = torch.from_numpy(np.asarray(pixels.labels)[indices].astype(np.int64))
            cropped = centre(pixels.batch(indices), preprocessing.side)
            predict(normalise(cropped, preprocessing).numpy())
            if progress is not None:
                progress("measuring gates", start + len(indices), len(pixels))
    counts = np.bincount(np.asarray(pixels.labels), minlength=len(classes))
    return Excitation(
        classes=tuple(classes),
        images=tuple(counts.tolist()),
        blocks=tuple(sums.block(name, counts) for name in sums.first),
    )


class _Sums:
    """Per block, the sums of gates and of their squares, by class; float64."""

    def __init__(self, num_classes: int) -> None:
        self._num_classes = num_classes
        self.labels = torch.zeros(0, dtype=torch.int64)  # of the batch that runs
        self.first: dict[str, Tensor] = {}  # in the order in which the blocks run
        self._second: dict[str, Tensor] = {}

    def add(self, name: str, gates: Tensor) -> None:
        values = gates.detach().mean(dim=(2, 3)).double().cpu()
        for sums, part in ((self.first, values), (self._second, values.square())):
            if name not in sums:
                sums[name] = torch.zeros(self._num_classes, values.shape[1], dtype=torch.float64)
            sums[name].index_add_(0, self.labels, part)

    def block(self, name: str, counts: npt.NDArray[np.int64]) -> ExcitationBlock:
        n = np.where(counts > 0, counts, np.nan)[:, None]
        mean = self.first[name].numpy() / n
        variance = np.maximum(self._second[name].numpy() / n - mean**2, 0.0)
        return ExcitationBlock(name=name, mean=mean, deviation=np.sqrt(variance))


@contextmanager
def _watched(blocks: dict[str, SqueezeExcite], sums: _Sums) -> Iterator[None]:
    handles = [
        block.gate.register_forward_hook(lambda _, __, gates, name=name: sums.add(name, gates))
        for name, block in blocks.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _listed(values: npt.NDArray[np.float64]) -> list[list[float] | None]:
    return [None if np.isnan(row).any() else row.tolist() for row in values]
