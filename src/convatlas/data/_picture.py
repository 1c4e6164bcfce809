"""A decoded image, as Pillow's or as an array: whichever it came as, the other when asked for."""

import numpy as np
import numpy.typing as npt
from PIL import Image


class Picture:
    """An upright image in mode L or RGB, and the mode it had in its file.

    Small images spend more time on being turned from one form into the other than on being decoded.
    """

    __slots__ = ("_given", "stored_mode")

    def __init__(self, given: Image.Image | npt.NDArray[np.uint8], stored_mode: str) -> None:
        self._given = given  # an array is [h, w] if grey, [h, w, 3] if not
        self.stored_mode = stored_mode

    @property
    def image(self) -> Image.Image:
        """As Pillow's image."""
        given = self._given
        return given if isinstance(given, Image.Image) else Image.fromarray(given)

    @property
    def pixels(self) -> npt.NDArray[np.uint8]:
        """As an array [h, w] or [h, w, 3]."""
        given = self._given
        return np.asarray(given) if isinstance(given, Image.Image) else given

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        given = self._given
        return given.size if isinstance(given, Image.Image) else (given.shape[1], given.shape[0])

    @property
    def channels(self) -> int:
        """1 if it is stored as grey, else 3."""
        given = self._given
        grey = given.mode == "L" if isinstance(given, Image.Image) else given.ndim == 2
        return 1 if grey else 3
