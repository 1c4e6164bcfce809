"""Counting by running: an oracle that shares no code with the analysis room."""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

from convatlas.facts import Fact, Verdict
from convatlas.models import build, family_of, spec_of


@cache
def on_meta(variant: str) -> nn.Module:
    """The net without memory for its weights; shared, so not to be changed."""
    with torch.device("meta"):
        return build(variant).eval()


def mult_adds(net: nn.Module, side: int, channels: int = 3) -> dict[str, int]:
    """Mult-adds of every convolution and linear layer by name, for one image."""
    found: dict[str, int] = {}

    def counter(name: str) -> Callable[[nn.Module, object, Tensor], None]:
        def count(module: nn.Module, _: object, output: Tensor) -> None:
            assert isinstance(module.weight, Tensor)
            if isinstance(module, nn.Conv2d):
                found[name] = output.numel() * module.weight[0].numel()
            else:
                found[name] = module.weight.numel()

        return count

    kinds = (nn.Conv2d, nn.Linear)
    handles = [
        m.register_forward_hook(counter(name))
        for name, m in net.named_modules()
        if isinstance(m, kinds)
    ]
    net(torch.empty(1, channels, side, side, device="meta"))
    for handle in handles:
        handle.remove()
    return found


def stage_rows(net: nn.Module, side: int, channels: int = 3) -> list[tuple[str, int, int]]:
    """(stage, output side, params) of the stem and of each stage."""
    x = net.get_submodule("stem")(torch.empty(1, channels, side, side, device="meta"))
    rows = [("stem", x.shape[-1], params(net, "stem"))]
    for name, stage in net.get_submodule("stages").named_children():
        x = stage(x)
        rows.append((name, x.shape[-1], params(stage)))
    return rows


def params(net: nn.Module, part: str = "") -> int:
    return sum(p.numel() for p in net.get_submodule(part).parameters())


def measured(fact: Fact) -> int:
    """The count that `fact` prints."""
    if fact.quantity == "params":
        return params(on_meta(fact.variant), fact.part)
    found = _mult_adds_at(fact.variant, fact.input_side or spec_of(fact.variant).input_side)
    inside = (fact.part, fact.part + ".") if fact.part else ("",)
    total = sum(n for name, n in found.items() if name.startswith(inside))
    return 2 * total if fact.convention == "doubled" else total


@cache
def _mult_adds_at(variant: str, side: int) -> dict[str, int]:
    return mult_adds(on_meta(variant), side, spec_of(variant).in_channels)


def verdict(fact: Fact) -> Verdict:
    return fact.verdict(measured(fact))


def facts_of(variant: str) -> tuple[Fact, ...]:
    return family_of(variant).facts


def fact_id(fact: Fact) -> str:
    side = f"@{fact.input_side}" if fact.input_side else ""
    part = f".{fact.part}" if fact.part else ""
    return f"{fact.variant}{part}{side}-{fact.quantity}={fact.printed}-{fact.paper.key}"
