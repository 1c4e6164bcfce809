"""Fully connected layers that hold most of the net."""

from torch import nn

from convatlas.analysis.doctor._case import Case
from convatlas.analysis.doctor._finding import Affected, Finding, Rule, found

RULE = Rule(
    kind="fully connected weights",
    unit="part",
    meaning="of the net's parameters lie in fully connected layers",
    limit=0.5,
    why="more than all other layers together",
    advice="average the last maps in place of flattening them (NIN), or prune and factor these "
    "layers",
    source="Network in Network (arXiv:1312.4400), Sec. 3.2",
    least_share=0.0,
)


def fully_connected(case: Case) -> Finding | None:
    """Linear layers of vectors with their part of all parameters; `lost`: of reading the weights.

    One that is applied to every pixel shares its weights, as a 1x1 convolution does.
    """
    params = sum(row.params for row in case.rows) or 1
    layers = []
    for row in case.rows:
        linear = isinstance(case.graph[row.name].module, nn.Linear)
        if linear and row.params and len(row.in_shape) == 1:
            time = case.time[row.name]
            layers.append(
                Affected(
                    name=row.name,
                    figure=row.params / params,
                    share=case.share(row.name),
                    lost=max(0.0, time.memory_s - time.compute_s) / case.seconds,
                )
            )
    return found(RULE, layers, figure=sum(layer.figure for layer in layers))
