"""Xception against timm and pytorchcv under the same weights."""

from collections.abc import Iterator

import pytest
from torch import nn

from convatlas import models
from tests.peers.peer import assert_equal, assert_same_logits, noise, peer, randomise

# our stage: their stage, the number of their first unit in it
PYTORCHCV = {"entry1": (1, 1), "entry2": (2, 1), "entry3": (3, 1), "middle": (3, 2), "exit": (4, 1)}


def test_timm():
    assert_same_logits("xception", "timm", side=75)


@pytest.mark.slow
def test_timm_at_full_size():
    assert_same_logits("xception", "timm")


@pytest.mark.slow
def test_pytorchcv():
    theirs = peer("pytorchcv.model_provider").get_model("xception")
    theirs.features.final_block.pool = nn.AdaptiveAvgPool2d(1)  # theirs takes 299 pixels only
    ours = randomise(models.build("xception"))
    for mine, other in pairs(ours):
        state = ours.get_submodule(mine).state_dict()
        theirs.get_submodule(other).load_state_dict(state, strict=True)
    assert_equal(ours, theirs, noise(107))


def pairs(ours: nn.Module) -> Iterator[tuple[str, str]]:
    for i in (0, 1):
        yield f"stem.{i}.conv", f"features.init_block.conv{i + 1}.conv"
        yield f"stem.{i}.norm", f"features.init_block.conv{i + 1}.bn"
    for stage, (number, unit) in PYTORCHCV.items():
        found = [
            n for n, m in ours.stages.get_submodule(stage).named_modules() if hasattr(m, "body")
        ]
        for i, name in enumerate(found):
            mine = f"stages.{stage}.{name}".rstrip(".")
            other = f"features.stage{number}.unit{unit + i}"
            yield from module_pairs(ours.get_submodule(mine), mine, other)
    for i in (1, 2):
        yield from separable_pairs(f"stages.exit.{i}.separable", f"features.final_block.conv{i}")
        yield f"stages.exit.{i}.norm", f"features.final_block.conv{i}.bn"
    yield "classifier", "output"


def module_pairs(module: nn.Module, mine: str, other: str) -> Iterator[tuple[str, str]]:
    number = sum("separable" in name for name, _ in module.body.named_children())
    for i in range(1, number + 1):
        yield from separable_pairs(f"{mine}.body.separable{i}", f"{other}.body.block{i}")
        yield f"{mine}.body.norm{i}", f"{other}.body.block{i}.bn"
    if list(module.shortcut.parameters()):
        yield f"{mine}.shortcut.conv", f"{other}.identity_conv.conv"
        yield f"{mine}.shortcut.norm", f"{other}.identity_conv.bn"


def separable_pairs(mine: str, other: str) -> Iterator[tuple[str, str]]:
    yield f"{mine}.depthwise", f"{other}.conv.dw_conv"
    yield f"{mine}.pointwise", f"{other}.conv.pw_conv"
