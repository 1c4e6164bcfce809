"""Blocks that know no paper: what several families are made of."""

from convatlas.layers._cell import Cell, CellDetails, CellPlan, Maps
from convatlas.layers._chain import ConvStep, conv_chain
from convatlas.layers._compose import in_turn, join
from convatlas.layers._conv import ConvNorm, Sides, same_padding
from convatlas.layers._factorised import FactorisedReduction
from convatlas.layers._fully_connected import fully_connected
from convatlas.layers._gate import Gate, gate_bias
from convatlas.layers._groups import check_groups
from convatlas.layers._halvings import halvings
from convatlas.layers._heads import through_heads
from convatlas.layers._hidden import hidden_channels
from convatlas.layers._init import (
    fan_out_normal,
    he_normal,
    he_normal_by_inputs,
    he_normal_by_outputs,
    normal,
    uniform_by_inputs,
    xavier_uniform,
)
from convatlas.layers._interleaved import (
    InterleavedNorm,
    InterleavedUnit,
    interleaved_conv,
)
from convatlas.layers._learned_group import LearnedGroupConv
from convatlas.layers._map_loss import map_loss
from convatlas.layers._norm_conv import NormConv
from convatlas.layers._ordered import Order, OrderedUnit, UnitKind, unit_convs
from convatlas.layers._parallel import Parallel
from convatlas.layers._paths import ConcatPathsUnit, SumPathsUnit
from convatlas.layers._radial import RadialBasis
from convatlas.layers._recompute import (
    is_recomputable,
    recomputed_dense_block,
    recomputed_norm_conv,
)
from convatlas.layers._relu_separable import ReluSeparable
from convatlas.layers._residual import (
    BasicUnit,
    BottleneckUnit,
    ResidualUnit,
    ShortcutOption,
    StrideIn,
    SurvivalRule,
    bottleneck_strides,
    make_shortcut,
    residual_stem,
    survival_probabilities,
)
from convatlas.layers._response_norm import response_norm
from convatlas.layers._scale import Scale
from convatlas.layers._scaled_tanh import ScaledTanh
from convatlas.layers._select import SelectChannels
from convatlas.layers._separable import SeparableConv
from convatlas.layers._shortcut import ZeroPadShortcut
from convatlas.layers._shuffle import ChannelShuffle, JoinShuffle
from convatlas.layers._sparse_conv import SparseConv2d
from convatlas.layers._squeeze_excite import SqueezeExcite, squeeze_excite
from convatlas.layers._staged import StagedLayer
from convatlas.layers._subsample import SubSample
from convatlas.layers._survival import SampleDrop, Survival
from convatlas.layers._tf_same import tf_same
from convatlas.layers._width import scale_channels

__all__ = [
    "BasicUnit",
    "BottleneckUnit",
    "Cell",
    "CellDetails",
    "CellPlan",
    "ChannelShuffle",
    "ConcatPathsUnit",
    "ConvNorm",
    "ConvStep",
    "FactorisedReduction",
    "Gate",
    "InterleavedNorm",
    "InterleavedUnit",
    "JoinShuffle",
    "LearnedGroupConv",
    "Maps",
    "NormConv",
    "Order",
    "OrderedUnit",
    "Parallel",
    "RadialBasis",
    "ReluSeparable",
    "ResidualUnit",
    "SampleDrop",
    "Scale",
    "ScaledTanh",
    "SelectChannels",
    "SeparableConv",
    "ShortcutOption",
    "Sides",
    "SparseConv2d",
    "SqueezeExcite",
    "StagedLayer",
    "StrideIn",
    "SubSample",
    "SumPathsUnit",
    "Survival",
    "SurvivalRule",
    "UnitKind",
    "ZeroPadShortcut",
    "bottleneck_strides",
    "check_groups",
    "conv_chain",
    "fan_out_normal",
    "fully_connected",
    "gate_bias",
    "halvings",
    "he_normal",
    "he_normal_by_inputs",
    "he_normal_by_outputs",
    "hidden_channels",
    "in_turn",
    "interleaved_conv",
    "is_recomputable",
    "join",
    "make_shortcut",
    "map_loss",
    "normal",
    "recomputed_dense_block",
    "recomputed_norm_conv",
    "residual_stem",
    "response_norm",
    "same_padding",
    "scale_channels",
    "squeeze_excite",
    "survival_probabilities",
    "tf_same",
    "through_heads",
    "uniform_by_inputs",
    "unit_convs",
    "xavier_uniform",
]
