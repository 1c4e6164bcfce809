"""Files and folders that a person names, as image files one after another."""

import os
from collections.abc import Iterable, Iterator

from convatlas.data._walk import claims_to_be_image, is_folder, listed
from convatlas.errors import UserError


def image_files(places: Iterable[str]) -> Iterator[str]:
    """The path of every image: files as they are given, folders walked by name.

    Sub-folders are walked too, links followed but never in circles. Of a folder only files that
    claim to be images count; a file that is given by name always does. No list of all is made.

    Raises:
        UserError: if a folder cannot be read.
    """
    for place in places:
        if not os.path.isdir(place):
            yield place
            continue
        try:
            yield from _below(place, ())
        except OSError as error:
            raise UserError(
                f"Cannot read folder {error.filename!r}: {error.strerror}. Leave it out or make "
                "it readable."
            ) from error


def _below(folder: str, above: tuple[tuple[int, int], ...]) -> Iterator[str]:
    status = os.stat(folder)
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    for entry in listed(folder):
        if is_folder(entry):
            yield from _below(entry.path, (*above, here))
        elif claims_to_be_image(entry):
            yield entry.path
