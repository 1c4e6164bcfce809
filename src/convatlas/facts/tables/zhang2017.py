"""What the paper on interleaved group convolutions says of ResNet-18."""

from convatlas.facts import Fact
from convatlas.facts.papers import ZHANG2017

FACTS = (Fact("resnet18", "mult_adds", "1.8e9", ZHANG2017, "Table 6"),)
