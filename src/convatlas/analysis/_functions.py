"""Functions that are layers: each becomes a layer of the same settings, so that one rule counts."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

Arguments = Mapping[str, Any]


def as_layer(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> nn.Module | None:
    """The layer that a call of the function `name` computes; None if it is no layer.

    It reads the first argument only, and holds the weights that were passed.
    """
    form = _LAYERS.get(name)
    if form is None:
        return None
    names, build = form
    given = dict(zip(names, args[1:], strict=False)) | dict(kwargs)
    given.pop("input", None)
    return build(given)


def _layer(kind: type[nn.Module], **settings: Any) -> nn.Module:
    """A layer without its constructor: settings as they are, parameters registered."""
    layer = kind.__new__(kind)
    nn.Module.__init__(layer)
    for name, value in settings.items():
        if isinstance(value, nn.Parameter):
            layer.register_parameter(name, value)
        else:
            layer.__dict__[name] = value
    return layer


def _conv(given: Arguments) -> nn.Module | None:
    weight, groups = given["weight"], given.get("groups", 1)
    out_channels, per_group, *kernel = weight.shape
    if len(kernel) != 2:
        return None
    return _layer(
        nn.Conv2d,
        weight=weight,
        bias=given.get("bias"),
        in_channels=per_group * groups,
        out_channels=out_channels,
        kernel_size=tuple(kernel),
        stride=given.get("stride", 1),
        padding=given.get("padding", 0),
        dilation=given.get("dilation", 1),
        groups=groups,
    )


def _linear(given: Arguments) -> nn.Module:
    out_features, in_features = given["weight"].shape
    return _layer(
        nn.Linear,
        weight=given["weight"],
        bias=given.get("bias"),
        in_features=in_features,
        out_features=out_features,
    )


def _batch_norm(given: Arguments) -> nn.Module | None:
    known = [given.get(name) for name in ("running_mean", "weight", "bias")]
    sizes = [values.numel() for values in known if isinstance(values, torch.Tensor)]
    if not sizes:
        return None
    names = ("running_mean", "running_var", "weight", "bias")
    values = {name: given.get(name) for name in names}
    return _layer(nn.BatchNorm2d, num_features=sizes[0], eps=given.get("eps", 1e-5), **values)


def _pool(kind: type[nn.Module], **defaults: Any) -> Callable[[Arguments], nn.Module | None]:
    def build(given: Arguments) -> nn.Module | None:
        if given.get("return_indices"):
            return None
        settings = {**defaults, **given}
        stride = settings.get("stride")
        settings["stride"] = settings["kernel_size"] if stride in (None, [], ()) else stride
        return _layer(kind, **settings)

    return build


def _plain(kind: type[nn.Module], **defaults: Any) -> Callable[[Arguments], nn.Module | None]:
    def build(given: Arguments) -> nn.Module | None:
        return _layer(kind, **{**defaults, **given})

    return build


def _softmax(given: Arguments) -> nn.Module | None:
    return _layer(nn.Softmax, dim=given.get("dim"))


def _hard_tanh(given: Arguments) -> nn.Module | None:
    bounds = (given.get("min_val", -1.0), given.get("max_val", 1.0))
    return _layer(nn.ReLU6, inplace=given.get("inplace", False)) if bounds == (0, 6) else None


def _adaptive_pool(given: Arguments) -> nn.Module | None:
    return _layer(nn.AdaptiveAvgPool2d, output_size=given["output_size"])


def _dropout(given: Arguments) -> nn.Module | None:
    if given.get("training", True):
        return None
    return _layer(nn.Dropout, p=given.get("p", 0.5), inplace=False)


_WINDOW = ("kernel_size", "stride", "padding")
_LAYERS: dict[str, tuple[Sequence[str], Callable[[Arguments], nn.Module | None]]] = {
    "conv2d": (("weight", "bias", "stride", "padding", "dilation", "groups"), _conv),
    "linear": (("weight", "bias"), _linear),
    "batch_norm": (
        ("running_mean", "running_var", "weight", "bias", "training", "momentum", "eps"),
        _batch_norm,
    ),
    "max_pool2d": (
        (*_WINDOW, "dilation", "ceil_mode", "return_indices"),
        _pool(nn.MaxPool2d, padding=0, dilation=1, ceil_mode=False),
    ),
    "avg_pool2d": (
        (*_WINDOW, "ceil_mode", "count_include_pad", "divisor_override"),
        _pool(nn.AvgPool2d, padding=0, ceil_mode=False, count_include_pad=True),
    ),
    "adaptive_avg_pool2d": (("output_size",), _adaptive_pool),
    "local_response_norm": (
        ("size", "alpha", "beta", "k"),
        _plain(nn.LocalResponseNorm, alpha=1e-4, beta=0.75, k=1.0),
    ),
    "relu": (("inplace",), _plain(nn.ReLU, inplace=False)),
    "relu_": ((), _plain(nn.ReLU, inplace=True)),
    "relu6": (("inplace",), _plain(nn.ReLU6, inplace=False)),
    "hardtanh": (("min_val", "max_val", "inplace"), _hard_tanh),
    "leaky_relu": (("negative_slope", "inplace"), _plain(nn.LeakyReLU, inplace=False)),
    "elu": (("alpha", "inplace"), _plain(nn.ELU, alpha=1.0, inplace=False)),
    "silu": (("inplace",), _plain(nn.SiLU, inplace=False)),
    "tanh": ((), _plain(nn.Tanh)),
    "sigmoid": ((), _plain(nn.Sigmoid)),
    "softmax": (("dim",), _softmax),
    "dropout": (("p", "training", "inplace"), _dropout),
}
