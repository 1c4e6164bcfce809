"""Blocks that know no paper: what several families are made of."""

from convatlas.layers._chain import ConvStep, conv_chain
from convatlas.layers._compose import in_turn, join
from convatlas.layers._conv import ConvNorm, Sides, same_padding
from convatlas.layers._fully_connected import fully_connected
from convatlas.layers._groups import check_groups
from convatlas.layers._halvings import halvings
from convatlas.layers._heads import through_heads
from convatlas.layers._init import (
    he_normal,
    he_normal_by_inputs,
    normal,
    uniform_by_inputs,
    xavier_uniform,
)
from convatlas.layers._map_loss import map_loss
from convatlas.layers._norm_conv import NormConv
from convatlas.layers._parallel import Parallel
from convatlas.layers._radial import RadialBasis
from convatlas.layers._recompute import recomputed_norm_conv
from convatlas.layers._residual import (
    BasicUnit,
    BottleneckUnit,
    ShortcutOption,
    StrideIn,
    make_shortcut,
)
from convatlas.layers._response_norm import response_norm
from convatlas.layers._scale import Scale
from convatlas.layers._scaled_tanh import ScaledTanh
from convatlas.layers._select import SelectChannels
from convatlas.layers._separable import SeparableConv
from convatlas.layers._shortcut import ZeroPadShortcut
from convatlas.layers._shuffle import ChannelShuffle
from convatlas.layers._sparse_conv import SparseConv2d
from convatlas.layers._squeeze_excite import SqueezeExcite
from convatlas.layers._subsample import SubSample
from convatlas.layers._survival import SampleDrop, Survival
from convatlas.layers._width import scale_channels

__all__ = [
    "BasicUnit",
    "BottleneckUnit",
    "ChannelShuffle",
    "ConvNorm",
    "ConvStep",
    "NormConv",
    "Parallel",
    "RadialBasis",
    "SampleDrop",
    "Scale",
    "ScaledTanh",
    "SelectChannels",
    "SeparableConv",
    "ShortcutOption",
    "Sides",
    "SparseConv2d",
    "SqueezeExcite",
    "StrideIn",
    "SubSample",
    "Survival",
    "ZeroPadShortcut",
    "check_groups",
    "conv_chain",
    "fully_connected",
    "halvings",
    "he_normal",
    "he_normal_by_inputs",
    "in_turn",
    "join",
    "make_shortcut",
    "map_loss",
    "normal",
    "recomputed_norm_conv",
    "response_norm",
    "same_padding",
    "scale_channels",
    "through_heads",
    "uniform_by_inputs",
    "xavier_uniform",
]
