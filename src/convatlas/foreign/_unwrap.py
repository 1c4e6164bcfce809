"""Training scripts wrap state dicts in other dicts, and their names in prefixes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

# What training scripts call the weights among epoch, optimizer and the rest, the usual name first.
_KEYS = ("state_dict", "model_state_dict", "model", "net", "weights")
_AVERAGES = ("state_dict_ema", "model_ema")  # of the weights, kept beside them
# Data-parallel training, torch.compile, Lightning and averaging put these before every name.
_PREFIXES = ("module.", "_orig_mod.", "model.", "net.")
_COUNTER = "n_averaged"  # of torch's AveragedModel, beside the prefixed names
_MOST_WRAPPERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A state dict, and where it lay."""

    tensors: dict[str, Tensor]
    key: str
    others: tuple[str, ...]


def state_dict_in(content: Any) -> Found | None:
    """The state dict that `content` is or holds; None if there is none."""
    key = ""
    others: tuple[str, ...] = ()
    for _ in range(_MOST_WRAPPERS):
        if not isinstance(content, Mapping):
            return None
        inner = next((k for k in (*_KEYS, *_AVERAGES) if isinstance(content.get(k), Mapping)), None)
        if inner is None:
            tensors = {
                name: value
                for name, value in content.items()
                if isinstance(name, str) and isinstance(value, Tensor)
            }
            return Found(tensors=tensors, key=key, others=others) if tensors else None
        others += tuple(k for k in _AVERAGES if k in content and k != inner)
        content, key = content[inner], inner
    return None


def without_prefix(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """`tensors` without a prefix that all names have."""
    found = {name: tensor for name, tensor in tensors.items() if name != _COUNTER}
    while found:
        shared = next((p for p in _PREFIXES if all(name.startswith(p) for name in found)), None)
        if shared is None:
            break
        found = {name.removeprefix(shared): tensor for name, tensor in found.items()}
    return found
