"""What the Inception v3 paper says of the nets before it."""

from convatlas.facts import Fact
from convatlas.facts.papers import SZEGEDY2016

FACTS = (
    Fact("googlenet", "mult_adds", "1.5e9", SZEGEDY2016, "Table 3"),
    Fact("bn_inception_caffe", "mult_adds", "2.0e9", SZEGEDY2016, "Table 3"),
)
