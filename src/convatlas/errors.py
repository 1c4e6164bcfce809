"""What a person did wrong, said so that they can mend it; every message quotes what was given."""

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["CheckFailed", "DoesNotFit", "UnknownName", "UserError"]


class UserError(ValueError):
    """Input that cannot be used. The message says what was got, what is allowed, what to do."""

    exit_code = 2


class CheckFailed(UserError):
    """A check the user asked for ran and did not pass."""

    exit_code = 1


class DoesNotFit(UserError):
    """No net keeps every budget; the message says what comes nearest and by how much."""

    exit_code = 3


class UnknownName(UserError, LookupError):
    """A name that nothing goes by; the message lists the nearest names."""

    def __init__(self, kind: str, given: str, known: Iterable[str], where: str) -> None:
        known = sorted(known)
        nearest = get_close_matches(given, known, n=3, cutoff=0.4)
        hint = f"Nearest: {', '.join(nearest)}. " if nearest else ""
        super().__init__(f"No {kind} named {given!r}. {hint}{where} lists all {len(known)}.")
