"""Initialisations by name, for `network.apply(...)` as a network's last line."""

from collections.abc import Callable

from torch import nn


def he_normal(module: nn.Module) -> None:
    """Convolutions from N(0, 2 / fan_out), linear layers from N(0, 0.01), biases zero.

    Source: He et al., "Delving deep into rectifiers", arXiv:1502.01852, Eq. 14.
    """
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
    _zero_bias(module)


def he_normal_by_inputs(module: nn.Module) -> None:
    """Convolutions and linear layers from N(0, 2 / fan_in), biases zero.

    Source: He et al., "Delving deep into rectifiers", arXiv:1502.01852, Eq. 10.
    """
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    _zero_bias(module)


def uniform_by_inputs(module: nn.Module) -> None:
    """Convolutions and linear layers from U(-a, a), a = sqrt(3 / fan_in), biases zero.

    Source: filler "xavier" of BVLC/caffe (include/caffe/filler.hpp).
    """
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.kaiming_uniform_(module.weight, nonlinearity="linear")
    _zero_bias(module)


def he_normal_by_outputs(module: nn.Module) -> None:
    """Convolutions and linear layers from N(0, 2 / fan_out), biases zero.

    fan_out is the kernel's area times the output channels of a group, so that a convolution of each
    channel on its own counts its kernel only.

    Source: He et al., "Delving deep into rectifiers", arXiv:1502.01852, Eq. 14.
    """
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.normal_(module.weight, std=(2 / _fan_out(module)) ** 0.5)
    _zero_bias(module)


def fan_out_normal(module: nn.Module) -> None:
    """Convolutions as `he_normal_by_outputs`, linear layers from U(-a, a), a = 1 / sqrt(outputs).

    Source: the EfficientNet authors' released code (tensorflow/tpu, efficientnet_model.py).
    """
    if isinstance(module, nn.Linear):
        bound = module.out_features**-0.5
        nn.init.uniform_(module.weight, -bound, bound)
        _zero_bias(module)
    else:
        he_normal_by_outputs(module)


def xavier_uniform(module: nn.Module) -> None:
    """Convolutions and linear layers from U(-a, a), a = sqrt(6 / (fan_in + fan_out)).

    Source: Glorot and Bengio, AISTATS 2010, Eq. 16.
    """
    if isinstance(module, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(module.weight)
    _zero_bias(module)


def normal(std: float) -> Callable[[nn.Module], None]:
    """Convolutions and linear layers from N(0, std^2), biases zero."""

    def initialise(module: nn.Module) -> None:
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight, std=std)
        _zero_bias(module)

    return initialise


def _fan_out(layer: nn.Conv2d | nn.Linear) -> int:
    if isinstance(layer, nn.Linear):
        return layer.out_features
    rows, columns = layer.kernel_size
    return rows * columns * layer.out_channels // layer.groups


def _zero_bias(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
