"""Which parts of an image speak for a class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor, nn

from convatlas.analysis import FieldGrid, Node, Sides
from convatlas.errors import UserError
from convatlas.evaluation._fully_convolutional import FullyConvolutional, to_fully_convolutional

Method = Literal["cam", "gradcam", "classmap"]
METHODS: tuple[Method, ...] = get_args(Method)
_WITHOUT_FEATURES = frozenset(
    {"MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d", "SubSample"}
    | {"Dropout", "Identity", "SampleDrop", "Survival", "Scale"}
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heatmap:
    """How much each cell speaks for a class, from 0 to 1.

    "cam" is scaled from the image's least to its largest value, "gradcam" from 0 to its largest;
    "classmap" is the probability of the class at each cell, as it is. `low` and `high` are the
    values, before scaling, that became 0 and 1.
    """

    method: Method
    label: int  # the class
    values: npt.NDArray[np.float32]  # [rows, columns]
    grid: FieldGrid  # the pixels of the net's input that each cell sees
    low: float
    high: float


class Heatmapper:
    """Heat maps of one net by one method.

    - cam: the share that each cell of the last map has in the logit, which is their mean plus the
      bias (Zhou et al., CVPR 2016, arXiv:1512.04150, Eq. 2). Nets of global pooling with nothing
      but linear layers behind it.
    - gradcam: the last map before the final pooling, its channels weighted by the mean gradient of
      the logit and summed up, the positive part (Selvaraju et al., ICCV 2017, arXiv:1610.02391,
      Eq. 1 and 2). Every net.
    - classmap: the net's answer at every position, over whole images of any size, the larger the
      finer.

    Raises:
        UserError: if the net does not have what the method needs.
    """

    def __init__(self, net: nn.Module, shape: tuple[int, int, int], method: Method) -> None:
        if method not in METHODS:
            raise UserError(f"No heat map {method!r}. Use one of: {', '.join(METHODS)}.")
        self.method = method
        self._net = net
        self.sliding = _sliding(net, shape, method)
        self._layer = _last_map(self.sliding) if method == "gradcam" else self.sliding.layers[-1]
        gradcam = method == "gradcam"
        self.grid = self.sliding.grid_of(self._layer) if gradcam else self.sliding.grid

    @property
    def native(self) -> Sides:
        """Height and width of the images that cam and gradcam are made of."""
        return self.sliding.native

    @property
    def fine(self) -> bool:
        """Whether a class map is as fine as the last feature map at the native size already."""
        return self.sliding.pooling == "cells"

    def __call__(self, images: Float[Tensor, "n c h w"], labels: Sequence[int]) -> list[Heatmap]:
        """A heat map of each image for its label.

        Raises:
            UserError: for images smaller than the native size.
        """
        device = next((p.device for p in self._net.parameters()), torch.device("cpu"))
        chosen = torch.tensor(list(labels), device=device)
        compute = {"cam": self._cam, "gradcam": self._gradcam, "classmap": self._class_map}
        maps = compute[self.method](images.to(device), chosen).float().cpu().numpy()
        return [self._scaled(values, label) for values, label in zip(maps, labels, strict=True)]

    def _cam(self, images: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            features = self.sliding.features(images)
            bias = self.sliding.classify(torch.zeros_like(features[:1, :, :1, :1]))
            return _of(self.sliding.classify(features) - bias, labels)

    def _class_map(self, images: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            return _of(self.sliding(images).softmax(dim=1), labels)

    def _gradcam(self, images: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            features = self.sliding.features(images, self._layer)
        with torch.enable_grad():
            leaf = features.clone().requires_grad_()
            logits = self.sliding.classify(leaf * 1, self._layer)  # a leaf may not be overwritten
            own = _of(logits, labels).mean(dim=(1, 2)).sum()
            (gradient,) = torch.autograd.grad(own, leaf)
        weights = gradient.mean(dim=(2, 3), keepdim=True)
        return (weights * features).sum(dim=1).relu()

    def _scaled(self, values: npt.NDArray[np.float32], label: int) -> Heatmap:
        if not np.isfinite(values).all():
            raise UserError(
                "The heat map is not finite: the net's outputs are not. Its training went wrong; "
                "train again with a lower learning rate."
            )
        low, high = 0.0, 1.0
        if self.method != "classmap":
            low = float(values.min()) if self.method == "cam" else 0.0
            high = float(values.max())
            values = (values - low) / (high - low) if high > low else np.zeros_like(values)
        return Heatmap(
            method=self.method,
            label=int(label),
            values=values.astype(np.float32),
            grid=self.grid,
            low=low,
            high=high,
        )


def _of(maps: Tensor, labels: Tensor) -> Tensor:
    """The map of each image's label: [n, k, h, w] to [n, h, w]."""
    return maps[torch.arange(len(maps), device=maps.device), labels]


def _sliding(net: nn.Module, shape: tuple[int, int, int], method: Method) -> FullyConvolutional:
    if method == "gradcam":
        return to_fully_convolutional(net, shape)
    try:
        return to_fully_convolutional(net, shape, pooling="cells")
    except UserError as error:
        if method == "cam":
            raise UserError(f"No CAM of this net: {error} Use gradcam, for any net.") from error
    return to_fully_convolutional(net, shape)


def _last_map(sliding: FullyConvolutional) -> Node:
    """The last map of several cells, before the poolings that only shrink it."""
    maps = [node for node in sliding.layers[1:] if node.shape[1] * node.shape[2] > 1]
    found = next((n for n in reversed(maps) if n.kind not in _WITHOUT_FEATURES), None)
    if found is None:
        raise UserError(
            "The net has no feature map of several cells, so there is nothing to draw: its first "
            "layer reads the whole image."
        )
    return found
