"""Every table against the libraries' own nets, by the shapes of their tensors. A new table is
tried by being in the folder."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from torch import nn

from convatlas import models
from convatlas.analysis import without_weights
from convatlas.foreign import Source, compare, net_for, sources
from tests.peers.peer import build_theirs

# the first net of each way of naming; the others are slow
FIRST = [*{s.layers: (s, next(iter(s.variants))) for s in reversed(sources())}.values()][::-1]
OTHERS = [(s, v) for s in sources() for v in s.variants if (s, v) not in FIRST]


def named(case: tuple[Source, str]) -> str:
    source, variant = case
    return f"{source.library}-{variant}"


def without(build: Callable[[], nn.Module]) -> nn.Module:
    """Built without weights; a few of timm's nets compute with values and need real ones."""
    try:
        with without_weights():
            return build()
    except (NotImplementedError, RuntimeError):
        return build()


def check(source: Source, variant: str) -> None:
    theirs = without(lambda: build_theirs(source.library, source.variants[variant]))
    with without_weights():
        net, spec = net_for(variant, source)
    shapes = {name: tuple(tensor.shape) for name, tensor in theirs.state_dict().items()}
    found = compare(shapes, net, source)
    assert not found.differences, found.told()
    assert set(found.pairs) == set(net.state_dict()), "a layer of ours has no pair"
    assert len(set(found.pairs.values())) == len(found.pairs), "two of ours for one of theirs"
    assert len(source.mean) == len(source.std) == spec.in_channels
    last = [theirs for ours, theirs in source.layers(net) if ours.startswith("classifier")][-1]
    assert shapes[f"{last}.weight"][0] == spec.num_classes, "the last pair makes no logits"


@pytest.mark.parametrize("case", FIRST, ids=named)
def test_the_first_net_of_a_way_of_naming_has_their_tensors(case):
    check(*case)


@pytest.mark.slow
@pytest.mark.parametrize("case", OTHERS, ids=named)
def test_every_other_net_has_their_tensors(case):
    check(*case)


@pytest.mark.parametrize("library", ["torchvision", "timm"])
def test_a_net_stands_once_in_a_librarys_tables(library):
    ours = [v for s in sources() if s.library == library for v in s.variants]
    assert len(ours) == len(set(ours))
    assert set(ours) <= set(models.find())


@pytest.mark.slow
@pytest.mark.parametrize("layers", {s.layers: None for s in sources()}, ids=lambda f: f.__module__)
def test_nets_of_one_way_of_naming_share_names(layers):
    """`candidates` builds no second net where the first has no name in common with a file."""
    alike = [source for source in sources() if source.layers is layers]
    firsts = [_names(source, next(iter(source.variants))) for source in alike]
    every = [_names(source, variant) for source in alike for variant in source.variants]
    assert all(len(first & other) > 0.15 * len(first) for first in firsts for other in every)


def _names(source: Source, variant: str) -> set[str]:
    with without_weights():
        net, _ = net_for(variant, source)
    return {theirs for _, theirs in source.layers(net)}


def test_a_wrong_table_shows():
    """The check can fail: torchvision's densenet121 is no densenet169."""
    source = next(s for s in sources() if "densenet121" in s.variants)
    with pytest.raises(AssertionError, match="denseblock4"):
        check(replace(source, variants={"densenet169": "densenet121"}), "densenet169")
