"""Protocols of square crops."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from convatlas.data import Interpolation, Picture, Preprocessing, centre, fit
from convatlas.evaluation.protocols._boxes import (
    Place,
    corners_and_centre,
    regular_grid,
    three_squares,
)
from convatlas.evaluation.protocols._canvas import Array, Canvas
from convatlas.evaluation.protocols._form import Form, check_crop, check_numbers
from convatlas.evaluation.protocols._protocol import Leaf, said

Average = Literal["probabilities", "logits"]
Area = Literal["square", "whole"]
_INTERPOLATION = ("bilinear", "bicubic")
_AVERAGE = ("probabilities", "logits")
_AREA = ("square", "whole")
MAX_GRID = 32
_PAPERS_CROP = 224  # of the papers whose sizes are scaled to nets of other sides
_VGG_SIZES = (256, 384, 512)
_GOOGLENET_SIZES = (256, 288, 320, 352)


@dataclass(frozen=True, slots=True)
class SingleCrop(Leaf):
    """The central square of the image whose short side is resized.

    Left out, sizes are the net's own: its `stored_side` and `side`.
    """

    form: ClassVar[Form] = Form(
        name="single_crop",
        says="the centre of the resized image",
        source="Szegedy et al., CVPR 2016, Table 3; larger crops: He et al., ECCV 2016, Table 5",
        in_order=("resize", "crop"),
        choices={"interpolation": _INTERPOLATION},
    )
    resize: int | None = None
    crop: int | None = None
    interpolation: Interpolation | None = None

    def __post_init__(self) -> None:
        _check_resize_and_crop(self.resize, self.crop)

    @property
    def num_straight(self) -> int:
        """One."""
        return 1

    @property
    def mirrored(self) -> bool:
        """Only inside `flip`."""
        return False

    @property
    def side(self) -> int | None:
        """The crop's."""
        return self.crop

    def resolved(self, own: Preprocessing) -> "SingleCrop":
        """With the net's sizes; a larger crop alone is cut from as much more."""
        crop = self.crop or own.side
        resize = self.resize or round(crop * own.stored_side / own.side)
        return SingleCrop(resize, crop, self.interpolation or own.interpolation)

    def at(self, size: int | None) -> "SingleCrop":
        """With another resize."""
        return replace(self, resize=size)

    def views(self, canvas: Canvas) -> list[Array]:
        """The centre."""
        square = canvas.square(said(self.resize), said(self.interpolation))
        return [centre(square[None], said(self.crop))[0]]


class ManyCrops(Leaf):
    """Several crops of one side, whose probabilities or logits are averaged."""

    __slots__ = ()
    crop: int | None
    average: Average

    @property
    def side(self) -> int | None:
        """The crop's."""
        return self.crop

    @property
    def averages_logits(self) -> bool:
        """As `average` says."""
        return self.average == "logits"


@dataclass(frozen=True, slots=True)
class TenCrop(ManyCrops):
    """Four corners and the centre, each mirrored too.

    `area=square` takes them from the central square of the resized image, as AlexNet's paper has
    it; `area=whole` from the whole one, as the released code of later papers. Left out, `resize`
    is the net's `stored_side` if that is larger than its side, else side * 256 / 224.
    """

    form: ClassVar[Form] = Form(
        name="ten_crop",
        says="four corners and the centre, mirrored too: 10",
        source="Krizhevsky et al., NIPS 2012, section 4.1; He et al., CVPR 2016, section 3.4",
        in_order=("resize", "crop"),
        choices={"interpolation": _INTERPOLATION, "area": _AREA, "average": _AVERAGE},
    )
    resize: int | None = None
    crop: int | None = None
    interpolation: Interpolation | None = None
    area: Area = "square"
    average: Average = "probabilities"

    def __post_init__(self) -> None:
        _check_resize_and_crop(self.resize, self.crop)

    @property
    def num_straight(self) -> int:
        """Five."""
        return 5

    def resolved(self, own: Preprocessing) -> "TenCrop":
        """With the net's sizes."""
        crop = self.crop or own.side
        ratio = own.stored_side / own.side if own.stored_side > own.side else 256 / _PAPERS_CROP
        return replace(
            self,
            resize=self.resize or round(crop * ratio),
            crop=crop,
            interpolation=self.interpolation or own.interpolation,
        )

    def at(self, size: int | None) -> "TenCrop":
        """With another resize."""
        return replace(self, resize=size)

    def views(self, canvas: Canvas) -> list[Array]:
        """Corners row by row, then the centre."""
        crop = said(self.crop)
        image = _area(canvas, self.area, said(self.resize), said(self.interpolation))
        height, width, _ = image.shape
        return _cut(image, corners_and_centre(width, height, crop), crop)


@dataclass(frozen=True, slots=True)
class MultiCrop(ManyCrops):
    """A regular grid of crops at each size, each mirrored too: 50 per size, 150 at three.

    Left out, the sizes are 256, 384, 512 for a crop of 224, in proportion for others.
    """

    form: ClassVar[Form] = Form(
        name="multi_crop",
        says="a 5 x 5 grid of crops at each size, mirrored too: 50 a size, 150 at three",
        source="Simonyan and Zisserman, ICLR 2015, sections 3.2 and 4.3",
        several="sizes",
        by_name=("crop", "grid"),
        choices={"interpolation": _INTERPOLATION, "area": _AREA, "average": _AVERAGE},
    )
    sizes: tuple[int, ...] = ()
    crop: int | None = None
    grid: int = 5
    interpolation: Interpolation | None = None
    area: Area = "whole"
    average: Average = "probabilities"

    def __post_init__(self) -> None:
        _check_sizes_and_crop(self.sizes, self.crop)
        check_numbers("grid", (self.grid,), most=MAX_GRID)

    @property
    def num_straight(self) -> int:
        """The grid at each size."""
        return len(self.sizes) * self.grid**2

    def resolved(self, own: Preprocessing) -> "MultiCrop":
        """With the net's side for the crop."""
        crop = self.crop or own.side
        return replace(
            self,
            sizes=self.sizes or in_proportion(_VGG_SIZES, crop),
            crop=crop,
            interpolation=self.interpolation or own.interpolation,
        )

    def views(self, canvas: Canvas) -> list[Array]:
        """Size by size, row by row."""
        crop = said(self.crop)
        interpolation: Interpolation = said(self.interpolation)
        found: list[Array] = []
        for size in self.sizes:
            image = _area(canvas, self.area, size, interpolation)
            height, width, _ = image.shape
            found += _cut(image, regular_grid(width, height, crop, self.grid), crop)
        return found


@dataclass(frozen=True, slots=True)
class InceptionCrops(ManyCrops):
    """At each size three squares; of each the corners, the centre and the whole, resized.

    Each is mirrored too: 4 x 3 x 6 x 2 = 144. Left out, the sizes are 256, 288, 320, 352 for a
    crop of 224, in proportion for others.
    """

    form: ClassVar[Form] = Form(
        name="inception_crops",
        says="at each size 3 squares x (corners, centre, whole), mirrored too: 144 at four",
        source="Szegedy et al., CVPR 2015, section 7",
        several="sizes",
        by_name=("crop",),
        choices={"interpolation": _INTERPOLATION, "average": _AVERAGE},
    )
    sizes: tuple[int, ...] = ()
    crop: int | None = None
    interpolation: Interpolation | None = None
    average: Average = "probabilities"

    def __post_init__(self) -> None:
        _check_sizes_and_crop(self.sizes, self.crop)

    @property
    def num_straight(self) -> int:
        """Eighteen at each size."""
        return len(self.sizes) * 18

    def resolved(self, own: Preprocessing) -> "InceptionCrops":
        """With the net's side for the crop."""
        crop = self.crop or own.side
        return replace(
            self,
            sizes=self.sizes or in_proportion(_GOOGLENET_SIZES, crop),
            crop=crop,
            interpolation=self.interpolation or own.interpolation,
        )

    def views(self, canvas: Canvas) -> list[Array]:
        """Size by size, square by square: corners, centre, the square resized."""
        crop = said(self.crop)
        interpolation: Interpolation = said(self.interpolation)
        found: list[Array] = []
        for size in self.sizes:
            image = canvas.whole(size, interpolation)
            height, width, _ = image.shape
            for left, top in three_squares(width, height):
                square = image[top : top + size, left : left + size]
                found += _cut(square, corners_and_centre(size, size, crop), crop)
                found.append(_resized(square, crop, interpolation))
        return found


def in_proportion(sizes: Sequence[int], crop: int) -> tuple[int, ...]:
    """The papers' sizes, which are for crops of 224, for another crop."""
    return tuple(dict.fromkeys(round(size * crop / _PAPERS_CROP) for size in sizes))


def _area(canvas: Canvas, area: Area, size: int, interpolation: Interpolation) -> Array:
    make = canvas.square if area == "square" else canvas.whole
    return make(size, interpolation)


def _cut(image: Array, places: Sequence[Place], crop: int) -> list[Array]:
    return [image[top : top + crop, left : left + crop] for left, top in places]


def _resized(square: Array, side: int, interpolation: Interpolation) -> Array:
    channels: Literal[1, 3] = 1 if square.shape[2] == 1 else 3
    plain = np.ascontiguousarray(square[..., 0] if channels == 1 else square)
    return fit(Picture(plain, "L" if channels == 1 else "RGB"), side, channels, interpolation)


def _check_resize_and_crop(resize: int | None, crop: int | None) -> None:
    check_numbers("resize", (resize,))
    check_numbers("crop", (crop,))
    check_crop(crop, (resize,), "crop")


def _check_sizes_and_crop(sizes: tuple[int, ...], crop: int | None) -> None:
    check_numbers("sizes", sizes)
    check_numbers("crop", (crop,))
    check_crop(crop, sizes, "sizes")
