"""Where crops lie: the papers' arithmetic, in whole pixels.

A place is the (left, top) of a square. Odd remainders go to the right and below, as `centre` and
`fit` of the data room have it.
"""

Place = tuple[int, int]


def corners_and_centre(width: int, height: int, crop: int) -> tuple[Place, ...]:
    """The four corners, row by row, then the centre.

    Source: Krizhevsky et al., NIPS 2012, section 4.1.
    """
    right, bottom = width - crop, height - crop
    return ((0, 0), (right, 0), (0, bottom), (right, bottom), (right // 2, bottom // 2))


def regular_grid(width: int, height: int, crop: int, count: int) -> tuple[Place, ...]:
    """`count` x `count` places, row by row, from one border to the other.

    Source: Simonyan and Zisserman, ICLR 2015 (arXiv:1409.1556), section 3.2: 5 x 5.
    """
    return tuple((x, y) for y in _steps(height - crop, count) for x in _steps(width - crop, count))


def three_squares(width: int, height: int) -> tuple[Place, ...]:
    """Left, centre and right square of the full height; top, centre and bottom one if portrait.

    Source: Szegedy et al., CVPR 2015 (arXiv:1409.4842), section 7.
    """
    across, down = max(0, width - height), max(0, height - width)
    return ((0, 0), (across // 2, down // 2), (across, down))


def _steps(room: int, count: int) -> list[int]:
    return [room // 2] if count == 1 else [room * i // (count - 1) for i in range(count)]
