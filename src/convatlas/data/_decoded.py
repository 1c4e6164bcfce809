"""Images decoded whenever they are asked for: as squares, or cropped from the whole of them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from convatlas.data._decode import Undecodable, decode
from convatlas.data._fit import fit, whole
from convatlas.data._jpeg import plain_frame
from convatlas.data._picture import Picture
from convatlas.data._pixels import Pixels
from convatlas.data._preprocessing import Interpolation
from convatlas.data._scaled_jpeg import decode_scaled, factor_for, in_scaled
from convatlas.data._types import HasContent, Split
from convatlas.data._unreadable import UnreadableImages
from convatlas.data.augmentation import Augmentation, Box, Boxes, Draw, cut, finish
from convatlas.errors import UserError

Images = npt.NDArray[np.uint8]
_PARTS = 4  # of a batch, per thread: some images take longer than others


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecodedPixels(Pixels):
    """Images decoded whenever they are asked for: slower, but no disk holds them twice.

    Crops of a random size are cut from the whole images, which squares would have lost a part of.
    """

    split: Split
    side: int  # of the squares
    channels: Literal[1, 3]
    threads: int
    interpolation: Interpolation = "bilinear"  # of the squares
    _pool: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="convatlas-data")
        object.__setattr__(self, "_pool", pool)

    def batch(self, indices: npt.NDArray[np.integer[Any]]) -> Images:
        """The images of those numbers, decoded now.

        Raises:
            UnreadableImages: if some of them can no longer be read.
        """
        squares = np.empty((len(indices), self.side, self.side, self.channels), np.uint8)

        def decode_one(place: int) -> None:
            picture = self.split.source.picture(int(indices[place]))
            squares[place] = fit(picture, self.side, self.channels, self.interpolation)

        self._each(decode_one, indices)
        return squares

    def changed(
        self,
        indices: npt.NDArray[np.integer[Any]],
        augmentation: Augmentation,
        side: int,
        *,
        seed: int,
        epoch: int,
    ) -> Images:
        """Those images as one epoch of training sees them: [b, side, side, channels].

        Raises:
            UnreadableImages: if some of them can no longer be read.
        """
        if not augmentation.needs_whole_images:
            return Pixels.changed(self, indices, augmentation, side, seed=seed, epoch=epoch)
        draw = Draw(np.asarray(indices, np.int64), seed, epoch)
        boxes = Boxes(augmentation, side, draw)
        scaled = side if augmentation.scaled_decoding else None
        crops = np.empty((len(indices), side, side, self.channels), np.uint8)

        def decode_one(place: int) -> None:
            picture, box = self._boxed(int(indices[place]), place, boxes, scaled=scaled)
            pixels = whole(picture, self.channels)
            crops[place] = cut(pixels, box, side, augmentation.interpolation)

        def finish_some(part: slice) -> None:
            some = Draw(draw.indices[part], seed, epoch)
            crops[part] = finish(crops[part], augmentation, some)

        self._each(decode_one, indices, then=finish_some)
        return crops

    def _boxed(
        self, index: int, place: int, boxes: Boxes, *, scaled: int | None
    ) -> tuple[Picture, Box]:
        """The picture and its crop; `scaled`: the side that a smaller copy's crop must have."""
        source, content = self.split.source, None
        if scaled is not None and isinstance(source, HasContent):
            content = source.content(index)
        if scaled is not None and content is not None:
            if (frame := plain_frame(content)) is not None:
                box = boxes.box(place, frame.width, frame.height)
                factor = factor_for(box, scaled)
                if factor > 1 and (small := decode_scaled(content, frame, factor)):
                    return small, in_scaled(box, factor)
            picture = decode(content)
        else:
            picture = source.picture(index)
        return picture, boxes.box(place, *picture.size)

    def _each(
        self,
        work: Callable[[int], None],
        indices: npt.NDArray[np.integer[Any]],
        then: Callable[[slice], None] | None = None,
    ) -> None:
        """`work` of every place in a batch, and `then` of the places that one thread has done.

        What cannot be read is told when all are done.
        """

        def attempt(part: range) -> dict[int, str]:
            reasons = {}
            for place in part:
                try:
                    work(place)
                except Undecodable as error:
                    reasons[place] = str(error)
                except UserError as error:
                    reasons[place] = str(error.__cause__ or error)
            if then is not None and not reasons:
                then(slice(part.start, part.stop))
            return reasons

        n = len(indices)
        size = max(1, -(-n // (_PARTS * self.threads if self.threads > 1 else 1)))
        parts = [range(start, min(start + size, n)) for start in range(0, n, size)]
        reasons = {k: v for part in self._pool.map(attempt, parts) for k, v in part.items()}
        if reasons:
            rows = [int(indices[place]) for place in reasons]
            raise UnreadableImages(rows, [self.names[row] for row in rows], list(reasons.values()))
