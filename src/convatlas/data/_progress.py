"""How long work reports where it is."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # phase in words, done, total
