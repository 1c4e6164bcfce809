"""The optimizer of a recipe: which weights decay, and which learn at a lower rate."""

from collections import defaultdict

import torch
from torch import nn, optim
from torch.nn.modules.batchnorm import _BatchNorm

from convatlas.training._recipe import Recipe
from convatlas.training._rms_prop import RMSProp
from convatlas.training._sgd_inside import SGDInside

_SHARE = "rate_share"  # of a group: its learning rate as a share of the recipe's


def make_optimizer(net: nn.Module, recipe: Recipe) -> optim.Optimizer:
    """The recipe's optimizer over the weights of `net` that learn.

    torch's fused kernels, where there are some, do a whole step in one pass over the memory.
    """
    groups = _groups(net, recipe)
    rate, momentum = recipe.learning_rate, recipe.momentum
    if recipe.optimizer == "sgd":
        nesterov = recipe.nesterov and momentum > 0
        return _with_velocities(
            optim.SGD(groups, lr=rate, momentum=momentum, nesterov=nesterov, fused=True)
        )
    if recipe.optimizer == "sgd_inside":
        return SGDInside(groups, lr=rate, momentum=momentum)
    if recipe.optimizer == "rmsprop":
        return RMSProp(
            groups, lr=rate, rho=recipe.squares, momentum=momentum, epsilon=recipe.epsilon
        )
    kind = optim.AdamW if recipe.optimizer == "adamw" else optim.Adam
    betas = (momentum, recipe.squares)
    return kind(groups, lr=rate, betas=betas, eps=recipe.epsilon, fused=True)


def _with_velocities(optimizer: optim.SGD) -> optim.SGD:
    """Every velocity at 0 from the start, where torch's fused kernel would make them all at once.

    It fails when a weight has its first gradient after others: a block that stochastic depth
    skipped in the steps before.
    """
    for group in optimizer.param_groups:
        for parameter in group["params"] if group["momentum"] else ():
            optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(
                parameter, requires_grad=False
            )
    return optimizer


def _groups(net: nn.Module, recipe: Recipe) -> list[dict[str, object]]:
    """Weights by their decay and their share of the rate, in the order of the net."""
    found: dict[tuple[float, float], list[nn.Parameter]] = defaultdict(list)
    heads = {id(p) for head in _heads(net) for p in head.parameters()}
    seen: set[int] = set()
    for module in net.modules():
        frozen = recipe.norms == "frozen" and isinstance(module, _BatchNorm)
        for parameter in module.parameters(recurse=False):
            if frozen:
                parameter.requires_grad_(False)
            if id(parameter) in seen or not parameter.requires_grad:
                continue
            seen.add(id(parameter))
            share = 1.0 if id(parameter) in heads else recipe.body_rate
            found[_decay(module, parameter, recipe), share].append(parameter)
    return [
        {
            "params": members,
            "weight_decay": decay,
            "lr": recipe.learning_rate * share,
            _SHARE: share,
        }
        for (decay, share), members in found.items()
    ]


def _heads(net: nn.Module) -> list[nn.Module]:
    """What gives logits, beside the body; the whole net, if it names no such parts."""
    parts = (getattr(net, name, None) for name in ("classifier", "aux"))
    return [part for part in parts if isinstance(part, nn.Module)] or [net]


def _decay(module: nn.Module, parameter: nn.Parameter, recipe: Recipe) -> float:
    if parameter.ndim <= 1:
        return recipe.decay_spared
    depthwise = isinstance(module, nn.Conv2d) and module.groups == module.in_channels > 1
    if depthwise and recipe.decay_depthwise is not None:
        return recipe.decay_depthwise
    return recipe.weight_decay


def set_learning_rate(optimizer: optim.Optimizer, value: float) -> None:
    """Use `value`, and each group its share of it, from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = value * group[_SHARE]
