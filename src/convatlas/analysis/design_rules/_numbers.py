"""Which numbers a rule can be asked about."""

from convatlas.errors import UserError


def positive(**numbers: int) -> None:
    """Nothing, when every number is a whole one from 1.

    Raises:
        UserError: naming the first that is not.
    """
    for name, value in numbers.items():
        if type(value) is not int or value < 1:
            raise UserError(f"{name}={value!r}; it must be a whole number from 1.")
