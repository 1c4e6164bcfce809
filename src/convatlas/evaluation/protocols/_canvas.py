"""One decoded image, resized as its views ask for it, each size once."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from convatlas.data import Interpolation, Picture, fit, fit_whole

POLICY = (
    "images smaller than a size are enlarged to it, never padded; longer than 8:1, only the centre "
    "is seen; grey gives three equal channels; transparency is laid over white"
)
Array = npt.NDArray[np.uint8]  # [h, w, c]


class Canvas:
    """A picture in the channels of a net. What is returned must not be written to.

    Images smaller than a size are enlarged to it, never padded. Grey images give a colour net
    three equal channels; colour images give a grey net their luma, as Pillow computes it.
    """

    def __init__(self, picture: Picture, channels: Literal[1, 3]) -> None:
        mode = "L" if channels == 1 else "RGB"
        same = picture.channels == channels
        self._picture = picture if same else Picture(picture.image.convert(mode), mode)
        self._channels = channels
        self._made: dict[tuple[str, int, str], Array] = {}

    def square(self, side: int, interpolation: Interpolation) -> Array:
        """The short side resized to `side`, then the central square."""
        return self._once("square", side, interpolation)

    def whole(self, side: int, interpolation: Interpolation) -> Array:
        """The short side resized to `side`, the long one in proportion."""
        return self._once("whole", side, interpolation)

    def _once(self, shape: str, side: int, interpolation: Interpolation) -> Array:
        key = (shape, side, interpolation)
        if key not in self._made:
            make = fit if shape == "square" else fit_whole
            self._made[key] = make(self._picture, side, self._channels, interpolation)
        return self._made[key]
