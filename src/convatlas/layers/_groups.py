"""Which group counts a layer can have."""

from convatlas.errors import UserError


def check_groups(groups: int, *, channels: int, name: str = "groups") -> int:
    """`groups`, if it divides `channels`.

    Raises:
        UserError: naming the divisors.
    """
    if type(groups) is not int or groups < 1 or channels % groups:
        divisors = [d for d in range(1, channels + 1) if channels % d == 0]
        raise UserError(
            f"{name}={groups!r} does not divide {channels} channels. "
            f"Use a divisor: {', '.join(map(str, divisors))}."
        )
    return groups
