"""Heat maps of image files, written as pictures."""

import os
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor, nn

from convatlas.data import (
    Picture,
    Preprocessing,
    Undecodable,
    fit,
    fit_whole,
    normalise,
    read_picture,
)
from convatlas.data import centre as centre_of
from convatlas.errors import UnknownName, UserError
from convatlas.evaluation._heatmap import Heatmapper, Method
from convatlas.evaluation._overlay import overlay
from convatlas.evaluation._placement import Placement
from convatlas.files import write_atomic


class HeatmapFiles:
    """Writes the heat map of each file into `folder`.

    cam and gradcam look at the crop that the net is evaluated on; classmap at the whole picture,
    its short side resized to `side`. A drawing has the path of its file below the folder that all
    `places` have in common, so no two files share one.

    Args:
        label: name of the class; None draws the class that the net gave.
        side: of classmap; None is the side that pictures are resized to before they are cropped,
            doubled where the net has no global pooling.

    Raises:
        UserError: for a net without what the method needs, a side below the net's own, or a class
            that it does not know.
    """

    def __init__(
        self,
        net: nn.Module,
        method: Method,
        *,
        classes: Sequence[str],
        preprocessing: Preprocessing,
        folder: Path,
        places: Sequence[str],
        label: str | None = None,
        side: int | None = None,
    ) -> None:
        shape = (preprocessing.channels, preprocessing.side, preprocessing.side)
        if label is not None and label not in classes:
            raise UnknownName("class", label, classes, "`convatlas show BUNDLE`")
        if side is not None and (method != "classmap" or side < preprocessing.side):
            raise UserError(
                f"side={side} is for classmap, and at least the net's own {preprocessing.side}."
            )
        self._heat = Heatmapper(net, shape, method)
        self._preprocessing = preprocessing
        self._numbers = {name: number for number, name in enumerate(classes)}
        self._label = label
        self._folder = folder
        self._root = _common_folder(places)
        self._side = side or preprocessing.stored_side * (1 if self._heat.fine else 2)

    def write(self, file: str, given: str) -> Path:
        """Draw `file`, whose likeliest class is `given`; the path of the drawing.

        Raises:
            UserError: if the picture cannot be read or the drawing cannot be written.
        """
        try:
            picture = read_picture(file)
        except Undecodable as error:
            raise UserError(f"Cannot read image {file!r}: {error}. Give another file.") from error
        batch, placement = self._input(picture)
        (heat,) = self._heat(batch, [self._numbers[self._label or given]])
        path = self._folder / f"{os.path.relpath(file, self._root)}.{self._heat.method}.png"
        write_atomic(path, overlay(picture.image, heat, placement))
        return path

    def _input(self, picture: Picture) -> tuple[Tensor, Placement]:
        made, size = self._preprocessing, (picture.size[1], picture.size[0])
        if self._heat.method == "classmap":
            pixels = fit_whole(picture, self._side, made.channels, made.interpolation)
            placement = Placement.whole(size, self._side)
        else:
            stored = fit(picture, made.stored_side, made.channels, made.interpolation)
            pixels = centre_of(stored[None], made.side)[0]
            placement = Placement.centred(size, made)
        return normalise(pixels[None].copy(), made), placement  # what is decoded is locked


def _common_folder(places: Sequence[str]) -> str:
    """The deepest folder that holds every file among and below `places`."""
    folders = {p if os.path.isdir(p) else os.path.dirname(p) or "." for p in places}
    return os.path.commonpath([os.path.abspath(folder) for folder in folders])
