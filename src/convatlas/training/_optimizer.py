"""The optimizer of a recipe and its learning rate at every step."""

import math

from torch import Tensor, nn, optim

from convatlas.training._recipe import Recipe

_BETA2 = 0.999  # AdamW's default


def make_optimizer(net: nn.Module, recipe: Recipe) -> optim.Optimizer:
    """The recipe's optimizer over `net`; biases and norms (at most one axis) are not decayed.

    The fused kernels do a whole step in one pass over the memory.
    """
    groups = _groups(net, recipe.weight_decay)
    if recipe.optimizer == "sgd":
        return optim.SGD(
            groups,
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            nesterov=recipe.momentum > 0,
            fused=True,
        )
    betas = (recipe.momentum, _BETA2)
    return optim.AdamW(groups, lr=recipe.learning_rate, betas=betas, fused=True)


def _groups(net: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    decayed: list[Tensor] = []
    spared: list[Tensor] = []
    for parameter in net.parameters():
        (decayed if parameter.ndim > 1 else spared).append(parameter)
    groups = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": spared, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def learning_rate(recipe: Recipe, step: int) -> float:
    """Learning rate of step 0, 1, ... steps - 1: a linear rise to the peak, half a cosine to 0.

    The first step is already above 0 and the last one still is, so no step is wasted.
    """
    warm = round(recipe.warmup_share * recipe.steps)
    if step < warm:
        return recipe.learning_rate * (step + 1) / warm
    share = (step - warm) / (recipe.steps - warm)
    return recipe.learning_rate * 0.5 * (1.0 + math.cos(math.pi * share))


def set_learning_rate(optimizer: optim.Optimizer, value: float) -> None:
    """Use `value` from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = value
