"""Random damage: the same bundle or a refusal, nothing between and nothing else."""

import random
from pathlib import Path

import pytest
import torch
from torch import Tensor

from convatlas import bundle
from convatlas.errors import UserError
from tests.bundle.forge import JSON, WEIGHTS, written


def damaged(content: bytes, chance: random.Random) -> bytes:
    """One of: a flipped bit, bytes zeroed, cut, appended, inserted, taken out, moved, changed."""
    at = chance.randrange(len(content))
    size = chance.randint(1, 64)
    other = chance.randrange(len(content))
    noise = chance.randbytes(size)
    letter = bytes([chance.choice(b'0123456789"{}[],:-.e \n')])
    return chance.choice(
        [
            content[:at] + bytes([content[at] ^ (1 << chance.randrange(8))]) + content[at + 1 :],
            content[:at] + bytes(len(content[at : at + size])) + content[at + size :],
            content[:at],
            content + noise,
            content[:at] + noise + content[at:],
            content[:at] + content[at + size :],
            content[:at] + content[other : other + size] + content[at + size :],
            content[:at] + noise + content[at + size :],
            content[:at] + letter + content[at + 1 :],
        ]
    )  # fmt: skip


def same_or_refused(path: Path, info: bundle.BundleInfo, weights: dict[str, Tensor]) -> bool:
    """Whether the bundle was refused; anything but a refusal or the same bundle fails."""
    try:
        loaded = bundle.load(path)
    except UserError:
        return True
    assert loaded.info == info
    found = loaded.net.state_dict()
    assert all(torch.equal(found[name], weights[name]) for name in weights)
    return False


@pytest.mark.parametrize("name", [JSON, WEIGHTS])
@pytest.mark.parametrize(
    "times", [1_500, pytest.param(100_000, marks=[pytest.mark.slow, pytest.mark.timeout(1_200)])]
)
def test_damage_is_never_silent(tmp_path: Path, name: str, times: int) -> None:
    path = written(tmp_path, width_multiplier=0.25)
    original = bundle.load(path)
    weights = original.net.state_dict()
    content = (path / name).read_bytes()
    chance = random.Random(times)
    refusals = 0
    for _ in range(times):
        harmed = damaged(content, chance)
        (path / name).write_bytes(harmed)
        harmless = not same_or_refused(path, original.info, weights)
        assert harmed == content or not harmless or name == JSON
        refusals += not harmless
    assert refusals > 0.95 * times


def test_a_description_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    content = (path / JSON).read_bytes()
    for length in range(len(content.rstrip())):
        (path / JSON).write_bytes(content[:length])
        with pytest.raises(UserError, match=r"bundle\.json"):
            bundle.load(path)


def test_every_byte_of_the_description_counts(tmp_path: Path) -> None:
    path = written(tmp_path)
    original = bundle.load(path)
    weights = original.net.state_dict()
    content = (path / JSON).read_bytes()
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << (place % 8)
        (path / JSON).write_bytes(flipped)
        same_or_refused(path, original.info, weights)
