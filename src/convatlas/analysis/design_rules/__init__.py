"""The reasoning behind the efficient nets, as functions that count on real layers.

Each takes plain numbers or a net and returns rows; nothing is typed in from a paper but its law,
which stands beside the count.
"""

from convatlas.analysis.design_rules._access import AccessReport, AccessRow, access_report
from convatlas.analysis.design_rules._alternatives import (
    Alternative,
    factorings,
    grid_reductions,
)
from convatlas.analysis.design_rules._igc import IgcBlock, igc_blocks, widest_igc_block
from convatlas.analysis.design_rules._igcv2 import (
    Composition,
    SparseBlock,
    check_complementary,
    composition,
    ideal_layers,
    sparse_block,
)
from convatlas.analysis.design_rules._igcv3 import SuperChannels, super_channels
from convatlas.analysis.design_rules._multipliers import MultiplierRow, multiplier_law
from convatlas.analysis.design_rules._relu import Embedding, relu_embeddings
from convatlas.analysis.design_rules._separable import SeparableSaving, separable_saving
from convatlas.analysis.design_rules._shares import Share, shares_by_layer_type
from convatlas.analysis.design_rules._shufflenet import ShuffleNetWidth, shufflenet_width

__all__ = [
    "AccessReport",
    "AccessRow",
    "Alternative",
    "Composition",
    "Embedding",
    "IgcBlock",
    "MultiplierRow",
    "SeparableSaving",
    "Share",
    "ShuffleNetWidth",
    "SparseBlock",
    "SuperChannels",
    "access_report",
    "check_complementary",
    "composition",
    "factorings",
    "grid_reductions",
    "ideal_layers",
    "igc_blocks",
    "multiplier_law",
    "relu_embeddings",
    "separable_saving",
    "shares_by_layer_type",
    "shufflenet_width",
    "sparse_block",
    "super_channels",
    "widest_igc_block",
]
