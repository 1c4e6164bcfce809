"""How often a net for small images halves its resolution."""

import math

from convatlas.errors import UserError

SMALLEST_SIDE = 8


def halvings(side: int) -> int:
    """How many times to halve `side` so that the last feature map is about 4 pixels a side.

    1 for 8, 2 for 16, 3 for 28 and 32, 4 for 48 and 64.

    Raises:
        UserError: for sides below 8.
    """
    if side < SMALLEST_SIDE:
        raise UserError(
            f"input_side={side} is too small for this net: it needs {SMALLEST_SIDE} or more."
        )
    return round(math.log2(side / 4))
