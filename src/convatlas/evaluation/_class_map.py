"""A net as a function from images of many sizes to logits at every position."""

import numpy as np
import numpy.typing as npt
from torch import nn

from convatlas.analysis import FieldGrid
from convatlas.evaluation._fully_convolutional import Pooling, to_fully_convolutional
from convatlas.evaluation._graph_runner import MapsDiffer
from convatlas.evaluation._predictor import predictor_of


class ClassMapper:
    """Arrays [n, c, h, w] of at least the native size to logits [n, k, h', w'], float32.

    Some nets have branches that fit each other at certain sizes only; of other images up to a
    stride of pixels is left out at the right and below.

    Attributes:
        grid: the pixels that each cell sees.
    """

    def __init__(
        self,
        net: nn.Module,
        shape: tuple[int, int, int],
        *,
        pooling: Pooling = "window",
        threads: int | None = None,
    ) -> None:
        """Arguments as of `to_fully_convolutional` and `predictor_of`."""
        self._sliding = to_fully_convolutional(net, shape, pooling=pooling)
        self._predict = predictor_of(self._sliding, threads)
        self._cut: set[tuple[int, int]] = set()  # sizes at which branches do not fit
        self.grid: FieldGrid = self._sliding.grid

    def __call__(self, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The logits at every position.

        Raises:
            UserError: for images smaller than the native size.
        """
        size = (images.shape[2], images.shape[3])
        if size not in self._cut:
            try:
                return self._predict(images)
            except MapsDiffer:
                self._cut.add(size)
        height, width = self._sliding.fitting(*size)
        return self._predict(np.ascontiguousarray(images[:, :, :height, :width]))


def class_map_of(
    net: nn.Module, shape: tuple[int, int, int], threads: int | None = None
) -> ClassMapper:
    """The function that dense evaluation slides over whole images: a cell per native image."""
    return ClassMapper(net, shape, threads=threads)
