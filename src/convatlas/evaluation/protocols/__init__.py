"""How an image is shown to a net when it is scored: every protocol of the papers.

The same net on the same images differs by a point or more between protocols, so a score without
its protocol says little. Images smaller than a size are enlarged to it, never padded; grey images
give a colour net three equal channels; transparency is laid over white.
"""

from convatlas.evaluation.protocols._canvas import POLICY, Array, Canvas
from convatlas.evaluation.protocols._combine import Flip, MultiScale, Sum
from convatlas.evaluation.protocols._crops import InceptionCrops, MultiCrop, SingleCrop, TenCrop
from convatlas.evaluation.protocols._dense import Dense
from convatlas.evaluation.protocols._form import Misfit
from convatlas.evaluation.protocols._listing import OPTIONS, Listed, listing
from convatlas.evaluation.protocols._parse import Mistake, parse
from convatlas.evaluation.protocols._protocol import Leaf, Protocol, Use

__all__ = [
    "OPTIONS",
    "POLICY",
    "Array",
    "Canvas",
    "Dense",
    "Flip",
    "InceptionCrops",
    "Leaf",
    "Listed",
    "Misfit",
    "Mistake",
    "MultiCrop",
    "MultiScale",
    "Protocol",
    "SingleCrop",
    "Sum",
    "TenCrop",
    "Use",
    "listing",
    "parse",
]
