"""Tables of two nets on the same images."""

from typing import TYPE_CHECKING

from convatlas.cli._console import print_table

if TYPE_CHECKING:
    from convatlas.evaluation import Comparison

_MOST_CLASSES = 20


def print_comparison(found: "Comparison") -> None:
    """Both nets, the classes they differ in most, and the verdict."""
    print_table(
        ["", "net", "top-1 error", "95 % interval", "loss", "protocol"],
        [
            [letter, s.model, f"{s.top1_error:.2f} %",
             f"{s.interval.low:.2f} to {s.interval.high:.2f}", f"{s.loss:.4f}", s.protocol]
            for letter, s in (("A", found.a), ("B", found.b))
        ],
    )  # fmt: skip
    print_table(
        ["class", "images", "error of A", "error of B", "only A right", "only B right", "p"],
        [
            [c.name, c.n, _percent(c.a_error), _percent(c.b_error), c.only_a, c.only_b,
             f"{c.p_value:.3g}"]
            for c in sorted(found.per_class, key=lambda c: c.p_value)[:_MOST_CLASSES]
        ],
        title="Classes, the surest differences first; p adjusted for their number (Holm)",
    )  # fmt: skip
    between = found.difference_interval
    print_table(
        ["", ""],
        [
            ["images", f"{found.n:,}"],
            ["both right", f"{found.both_right:,}"],
            ["only A right", f"{found.only_a:,}"],
            ["only B right", f"{found.only_b:,}"],
            ["both wrong", f"{found.both_wrong:,}"],
            ["error of B minus A", f"{found.difference:+.2f} points "
             f"({between.low:+.2f} to {between.high:+.2f})"],
            ["p (McNemar, exact)", f"{found.p_value:.3g}"],
            ["verdict", _verdict(found)],
        ],
    )  # fmt: skip


def _verdict(found: "Comparison") -> str:
    if found.better == "neither":
        return "no difference that these images can tell from chance (p >= 0.05)"
    return f"{found.better.upper()} is better (p < 0.05)"


def _percent(error: float | None) -> str:
    return "-" if error is None else f"{error:.2f} %"
