"""A protocol from its text; a mistake is answered with the place of it."""

import re
from difflib import get_close_matches
from typing import Any, NamedTuple

from convatlas.data import MAX_SIDE
from convatlas.errors import UserError
from convatlas.evaluation.protocols._combine import Flip, MultiScale, Sum
from convatlas.evaluation.protocols._crops import InceptionCrops, MultiCrop, SingleCrop, TenCrop
from convatlas.evaluation.protocols._dense import Dense
from convatlas.evaluation.protocols._form import Form, Misfit
from convatlas.evaluation.protocols._protocol import Protocol

KINDS: dict[str, Any] = {
    kind.form.name: kind
    for kind in (SingleCrop, Flip, TenCrop, MultiCrop, InceptionCrops, Dense, MultiScale)
}
MAX_TEXT = 2_000  # characters
MAX_DEPTH = 8
_SHOWN = 100  # characters of the text around a mistake
_SPACES = " \t\n\r\f\v"  # as \s of the pattern has it
_PIECE = re.compile(r"\s*(?:([A-Za-z_]\w*)|(\d+)|([(),=+])|$)", re.ASCII)


class Token(NamedTuple):
    """A word, a number or a sign, and where it stands."""

    kind: str  # "word", "number", "end" or the sign itself
    text: str
    start: int
    end: int


class Mistake(UserError):
    """A text that is no protocol; the message marks the place."""

    def __init__(self, text: str, start: int, end: int, message: str) -> None:
        self.start, self.end = start, end
        super().__init__(f"{message}\n{_marked(text, start, end)}")


def parse(text: str) -> Protocol:
    """The protocol that `text` names, such as "dense(256, 384) + multi_crop(256, 384)".

    Raises:
        Mistake: marking the place, saying what may stand there and the nearest name.
    """
    if len(text) > MAX_TEXT:
        raise Mistake(
            text, MAX_TEXT, MAX_TEXT + 1, f"The protocol is longer than {MAX_TEXT:,} characters."
        )
    parser = _Parser(text)
    protocol = parser.protocol(depth=0)
    parser.expect("end", "'+' and another protocol, or nothing")
    return protocol


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0

    @property
    def next(self) -> Token:
        return self._tokens[self._at]

    def take(self) -> Token:
        token = self.next
        self._at += token.kind != "end"
        return token

    def taken(self, kind: str) -> bool:
        """Whether the next token was of that kind, and then it is behind us."""
        if self.next.kind != kind:
            return False
        self.take()
        return True

    def expect(self, kind: str, allowed: str) -> Token:
        if self.next.kind != kind:
            found = repr(self.next.text) if self.next.text else "the end"
            raise self.mistake(self.next, f"Here may stand {allowed}, not {found}.")
        return self.take()

    def mistake(self, token: Token, message: str) -> Mistake:
        return Mistake(self._text, token.start, token.end, message)

    def protocol(self, depth: int) -> Protocol:
        """One or more terms with "+" between them."""
        start = self.next
        terms = [self.term(depth)]
        while self.taken("+"):
            terms.append(self.term(depth))
        if len(terms) == 1:
            return terms[0]
        try:
            return Sum(tuple(terms))
        except Misfit as error:
            raise self.mistake(self.since(start), f"{_sentence(error)}.") from error

    def since(self, start: Token) -> Token:
        """All that was taken from `start` on."""
        return start._replace(end=self._tokens[self._at - 1].end)

    def term(self, depth: int) -> Protocol:
        if depth > MAX_DEPTH:
            raise self.mistake(self.next, f"More than {MAX_DEPTH} brackets inside one another.")
        if self.taken("("):
            inner = self.protocol(depth + 1)
            self.expect(")", "')' or '+'")
            return inner
        name = self.expect("word", f"a protocol ({', '.join(KINDS)})")
        if name.text not in KINDS:
            raise self.mistake(
                name, f"No protocol named {name.text!r}. {_allowed(name.text, KINDS)}"
            )
        return self.call(name, depth)

    def call(self, name: Token, depth: int) -> Protocol:
        kind = KINDS[name.text]
        arguments = _Arguments(self, kind.form)
        if self.taken("(") and not self.taken(")"):
            arguments.read(depth)
        whole = self.since(name)
        if kind.form.has_part and "part" not in arguments.values:
            raise self.mistake(whole, f"{name.text} needs a protocol: {kind.form.written}.")
        if kind is MultiScale:
            arguments.values.setdefault("sizes", ())
        try:
            return kind(**arguments.values)
        except Misfit as error:
            place = arguments.places.get(error.field, whole)
            raise self.mistake(place, f"{name.text}: {error}.") from error


class _Arguments:
    """What stands between the brackets of one protocol."""

    def __init__(self, parser: _Parser, form: Form) -> None:
        self.values: dict[str, Any] = {}
        self.places: dict[str, Token] = {}
        self._parser = parser
        self._form = form
        self._in_order = list(form.in_order)

    def read(self, depth: int) -> None:
        """Up to the closing bracket."""
        parser = self._parser
        if self._form.has_part:
            start = parser.next
            self.values["part"] = parser.protocol(depth + 1)
            self.places["part"] = parser.since(start)
            if parser.taken(")"):
                return
            parser.expect(",", "',' or ')'")
        while True:
            self._one()
            if parser.taken(")"):
                return
            parser.expect(",", "',' or ')'")

    def _one(self) -> None:
        form, token = self._form, self._parser.next
        if token.kind == "number":
            self._number(self._parser.take())
        elif token.kind == "word":
            self._named(self._parser.take())
        else:
            self._parser.expect("word", self._may_stand(form))

    def _may_stand(self, form: Form) -> str:
        options = ["a size"] if form.several or self._in_order else []
        if form.names:
            options.append(f"one of {', '.join(f'{name}=' for name in form.names)}")
        return " or ".join(options) or "')'"

    def _number(self, token: Token) -> None:
        field = self._form.several
        if field:
            if any(name in self.values for name in self._form.names):
                raise self._parser.mistake(token, "Sizes come before what has a name.")
            self.values[field] = (*self.values.get(field, ()), self._whole(token))
            start = self.places.get(field, token)
            self.places[field] = start._replace(end=token.end)
        elif self._in_order:
            self._keep(self._in_order.pop(0), self._whole(token), token)
        else:
            raise self._parser.mistake(token, f"One number too many: {self._form.written}.")

    def _named(self, token: Token) -> None:
        form, parser = self._form, self._parser
        if token.text not in form.names:
            if not form.names:
                raise parser.mistake(token, f"{form.name} takes no options: {form.written}.")
            raise parser.mistake(
                token, f"{form.name} has no {token.text!r}. {_allowed(token.text, form.names)}"
            )
        parser.expect("=", f"'=' behind {token.text!r}")
        if token.text in form.choices:
            words = form.choices[token.text]
            value = parser.expect("word", f"one of {', '.join(words)}")
            if value.text not in words:
                raise parser.mistake(
                    value,
                    f"{token.text} cannot be {value.text!r}. {_allowed(value.text, words)}",
                )
            self._keep(token.text, value.text, value)
        else:
            value = parser.expect("number", "a whole number")
            self._keep(token.text, self._whole(value), value)
        if token.text in self._in_order:
            self._in_order.remove(token.text)

    def _keep(self, field: str, value: object, token: Token) -> None:
        if field in self.values:
            raise self._parser.mistake(token, f"{field} is given twice.")
        self.values[field] = value
        self.places[field] = token

    def _whole(self, token: Token) -> int:
        if len(token.text) > len(str(MAX_SIDE)):
            raise self._parser.mistake(token, f"Too large; numbers up to {MAX_SIDE} are allowed.")
        return int(token.text)


def _tokens(text: str) -> list[Token]:
    tokens, at = [], 0
    while True:
        found = _PIECE.match(text, at)
        if found is None:
            start = at + len(text[at:]) - len(text[at:].lstrip(_SPACES))
            raise Mistake(
                text, start, start + 1,
                f"{text[start]!r} cannot stand here. Allowed: names, whole numbers, ( ) , = +.",
            )  # fmt: skip
        word, number, sign = found.groups()
        kind = "word" if word else "number" if number else sign or "end"
        start = found.end() - len(word or number or sign or "")
        tokens.append(Token(kind, word or number or sign or "", start, found.end()))
        if kind == "end":
            return tokens
        at = found.end()


def _allowed(given: str, known: Any) -> str:
    nearest = get_close_matches(given, list(known), n=1, cutoff=0.5)
    hint = f"Nearest: {nearest[0]}. " if nearest else ""
    return f"{hint}Allowed: {', '.join(known)}."


def _sentence(error: Misfit) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]


def _marked(text: str, start: int, end: int) -> str:
    """The text, cut where it is long, and carets under the place."""
    plain = "".join(c if c.isprintable() and c.isascii() else "?" for c in text)
    first = max(0, start - _SHOWN // 2)
    last = min(len(plain), max(first + _SHOWN, start + 1))
    before, after = "..." if first else "", "..." if last < len(plain) else ""
    carets = "^" * max(1, min(end, last) - start)
    return f"  {before}{plain[first:last]}{after}\n  {' ' * (len(before) + start - first)}{carets}"
