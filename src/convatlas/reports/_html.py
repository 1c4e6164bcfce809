"""Markup in which every piece of data is escaped unless it was built here."""

from collections.abc import Iterable
from html import escape

_VOID = frozenset({"br", "img", "meta"})
# Not "printable" for Python, but part of ordinary names: no-break and ideographic space, joiners.
_ALLOWED = frozenset("\u00a0\u3000\u200c\u200d")


class Html(str):
    """Markup. Any other string is text and gets escaped when it is put into an element."""

    __slots__ = ()


def element(name: str, *children: str, **attributes: str | float | bool | None) -> Html:
    """`<name attributes>children</name>`.

    Args:
        attributes: `class_` becomes class and `aria_label` aria-label; None and False are left
            out, True stands without a value.
    """
    words = [name]
    for key, value in attributes.items():
        attribute = key.rstrip("_").replace("_", "-")
        if value is True:
            words.append(attribute)
        elif value is not None and value is not False:
            words.append(f'{attribute}="{escape(visible(str(value)))}"')
    opening = f"<{' '.join(words)}>"
    return Html(opening if name in _VOID else f"{opening}{join(children)}</{name}>")


def join(parts: Iterable[str]) -> Html:
    """The parts one after the other, text escaped."""
    return Html("".join(p if isinstance(p, Html) else escape(visible(p)) for p in parts))


def visible(text: str) -> str:
    r"""The text with control, direction and unpaired surrogate characters written as `\x1b`."""
    return "".join(c if c.isprintable() or c in _ALLOWED else _written_out(c) for c in text)


def shortened(text: object, limit: int) -> str:
    """The text, its middle left out where it has more than `limit` characters."""
    whole = visible(str(text))
    if len(whole) <= limit:
        return whole
    tail = (limit - 1) // 3
    return f"{whole[: limit - 1 - tail]}\u2026{whole[len(whole) - tail :]}"


def name(text: object, limit: int = 120) -> Html:
    """A name given by a person: kept apart from the direction of the text around it."""
    whole, short = visible(str(text)), shortened(text, limit)
    return element("bdi", short, title=whole if short != whole else None)


def _written_out(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
