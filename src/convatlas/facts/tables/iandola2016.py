"""What the SqueezeNet paper says of AlexNet."""

from convatlas.facts import Fact
from convatlas.facts.papers import IANDOLA2016

FACTS = (Fact("alexnet", "size_bytes", "240000000", IANDOLA2016, "Table 2"),)
