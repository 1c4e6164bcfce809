"""How many channels a gate squeezes its input into."""

from convatlas.errors import UserError
from convatlas.layers._width import scale_channels


def hidden_channels(channels: int, reduction: int, width_multiplier: float) -> int:
    """C / r; in nets of other widths rounded to 8, as all their channels.

    Raises:
        UserError: for a reduction that leaves nothing.
    """
    if type(reduction) is not int or not 1 <= reduction <= channels:
        raise UserError(
            f"se_reduction={reduction!r} cannot reduce {channels} channels. Use 1 to {channels}."
        )
    if width_multiplier == 1.0:
        return channels // reduction
    return scale_channels(channels, 1 / reduction)
