"""A heat map drawn over its picture."""

from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from convatlas.analysis import Sides
from convatlas.evaluation._heatmap import Heatmap
from convatlas.evaluation._placement import Placement

_LEAST, _MOST = 256, 1024  # long side of a drawing, pixels
# The colours of heat 0, 1/4, .. 1: from dark to light, so that grey prints keep the order.
_COLOURS = np.array(
    [(8, 8, 40), (84, 20, 110), (190, 52, 84), (248, 140, 20), (252, 250, 160)], np.float32
)
_HEAT, _OUTSIDE = 0.6, 0.35  # share of the heat in a pixel; of the picture where no heat is known


def overlay(picture: Image.Image, heat: Heatmap, placement: Placement) -> bytes:
    """A PNG of `picture` with `heat` over it, dark where the net did not look.

    Its long side has 256 to 1,024 pixels; small pictures are enlarged pixel by pixel.
    """
    size = _drawn_size((picture.height, picture.width))
    enlarged = size[0] > picture.height
    how = Image.Resampling.NEAREST if enlarged else Image.Resampling.LANCZOS
    shown = picture.convert("RGB").resize((size[1], size[0]), how)
    base = np.asarray(shown, np.float32)
    values = placement.drawn(heat.values, heat.grid, size)[:, :, None]
    known = np.isfinite(values)
    mixed = (1 - _HEAT) * base + _HEAT * _coloured(np.nan_to_num(values[:, :, 0]))
    drawn = np.where(known, mixed, _OUTSIDE * base)
    content = BytesIO()
    Image.fromarray(drawn.round().astype(np.uint8)).save(content, "PNG")
    return content.getvalue()


def _drawn_size(size: Sides) -> Sides:
    long = max(size)
    if long > _MOST:
        rows, columns = (max(1, round(side * _MOST / long)) for side in size)
        return rows, columns
    factor = -(-_LEAST // long)
    return size[0] * factor, size[1] * factor


def _coloured(heat: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """[h, w] in 0..1 to colours [h, w, 3] in 0..255."""
    stops = np.linspace(0, 1, len(_COLOURS))
    return np.stack([np.interp(heat, stops, c) for c in _COLOURS.T], axis=-1).astype(np.float32)
