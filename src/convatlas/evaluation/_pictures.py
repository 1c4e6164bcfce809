"""Small pictures of single images, for people to look at."""

from collections.abc import Iterable
from io import BytesIO

from PIL import Image

from convatlas.data import Undecodable
from convatlas.errors import UserError
from convatlas.evaluation._score import Pictures

_SIDE = 160


def pictures_of(names: Iterable[str], *sets: Pictures) -> dict[str, bytes]:
    """The PNG of each named image that one of `sets` holds and can read, at most 160 pixels wide.

    Images are decoded again; a name that stands for several is that of the first.
    """
    wanted, found = set(names), dict[str, bytes]()
    for images in sets:
        for number, name in enumerate(images.names):
            if name in wanted and name not in found:
                try:
                    found[name] = _png(images.source.picture(number).image)
                except (Undecodable, UserError):
                    continue
    return found


def _png(image: Image.Image) -> bytes:
    small = image.copy()
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    file = BytesIO()
    small.save(file, "PNG")
    return file.getvalue()
