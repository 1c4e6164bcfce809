"""Text from a file, fit to be shown."""

_MOST = 120  # characters


def short(text: str) -> str:
    """The beginning of `text`, without control characters that would steer a terminal."""
    plain = "".join(c if c.isprintable() else "?" for c in text[: _MOST + 1])
    return plain if len(plain) <= _MOST else f"{plain[:_MOST]}..."
