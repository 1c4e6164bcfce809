"""Images that became unreadable while they were in use."""

from collections.abc import Sequence

from convatlas.errors import UserError

_SHOWN = 3


class UnreadableImages(UserError):
    """Images of a batch cannot be read; whoever asked may leave those rows out and count them."""

    def __init__(self, rows: Sequence[int], names: Sequence[str], reasons: Sequence[str]) -> None:
        self.rows = tuple(rows)  # numbers of the images in their split
        self.names = tuple(names)
        self.reasons = tuple(reasons)
        pairs = zip(self.names[:_SHOWN], self.reasons, strict=False)
        shown = "; ".join(f"{name!r}: {reason}" for name, reason in pairs)
        more = f"; and {len(self.rows) - _SHOWN} more" if len(self.rows) > _SHOWN else ""
        super().__init__(
            f"Images that were readable before and now are not: {shown}{more}. Open the data set "
            "again, or restore the files."
        )
