"""What a family file ends in: its spec type, its variants, its figures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from convatlas.errors import UserError
from convatlas.facts import Fact, Paper


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """What every network's spec holds; a family's own spec adds the columns of its table.

    Together with the family's name a spec says everything needed to build the network again.
    """

    input_side: int = 224  # side of the square image the net is meant for
    in_channels: int = 3
    num_classes: int = 1000
    width_multiplier: float = 1.0  # scales the channels of every layer but the classifier

    def __post_init__(self) -> None:
        for name, most in (("input_side", 8192), ("in_channels", 65536), ("num_classes", 10**6)):
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= most:
                raise UserError(f"{name}={value!r}; it must be a whole number from 1 to {most}.")
        if not 0 < self.width_multiplier <= 64:
            raise UserError(
                f"width_multiplier={self.width_multiplier!r}; it must be above 0, at most 64."
            )


def one_of(field: str, value: object, allowed: Sequence[object]) -> None:
    """Nothing, when `value` is one of those that `field` of a spec may have.

    Raises:
        UserError: naming the value and what is allowed.
    """
    if value not in allowed:
        *most, last = map(repr, allowed)
        choice = f"{', '.join(most)} or {last}" if most else last
        raise UserError(f"{field}={value!r} is unknown. Use {choice}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A family of networks: `build(spec)` makes one, `variants` are the named specs.

    `widths` are the width multipliers, and `offered` the variants, worth trying on a person's own
    data: of many variants that differ in a detail, few deserve the time. `no_facts_because` says
    why a family has no printed figure that can be recomputed; one of the two is required.
    """

    name: str
    title: str
    paper: Paper
    build: Callable[[Any], nn.Module]
    variants: Mapping[str, Spec]
    facts: tuple[Fact, ...] = ()
    no_facts_because: str = ""
    widths: tuple[float, ...] = (1.0,)
    offered: tuple[str, ...] = ()
