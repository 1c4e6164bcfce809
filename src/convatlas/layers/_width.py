"""Channel counts under a width multiplier."""


def scale_channels(channels: int, multiplier: float, *, divisor: int = 8) -> int:
    """`channels * multiplier` rounded to the nearest multiple of `divisor`, at least one of it.

    Rounding never takes away more than a tenth; multiplier 1 returns `channels` unchanged.

    Source: the MobileNet authors' released code (tensorflow/models, research/slim, mobilenet.py).
    """
    if multiplier == 1.0:
        return channels
    wanted = channels * multiplier
    rounded = max(divisor, int(wanted + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * wanted else rounded
