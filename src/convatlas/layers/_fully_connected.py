"""The classifiers of the nets before global average pooling."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Literal

from torch import nn


def fully_connected(
    in_features: int,
    hidden: Sequence[int],
    num_classes: int,
    *,
    dropout: Literal["outputs", "inputs"] = "outputs",
) -> nn.Sequential:
    """Hidden linear layers, each with ReLU and dropout of one half, and the layer of the logits.

    They are called fc6, fc7, fc8 for two hidden layers: five convolutional ones come before.

    Args:
        hidden: units of the hidden layers; none leaves the logits alone.
        dropout: of the outputs or of the inputs of every hidden layer.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, units in enumerate(hidden, start=6):
        if dropout == "inputs":
            layers[f"dropout{number}"] = nn.Dropout(0.5)
        layers[f"fc{number}"] = nn.Linear(in_features, units)
        layers[f"relu{number}"] = nn.ReLU(inplace=True)
        if dropout == "outputs":
            layers[f"dropout{number}"] = nn.Dropout(0.5)
        in_features = units
    layers[f"fc{6 + len(hidden)}"] = nn.Linear(in_features, num_classes)
    return nn.Sequential(layers)
