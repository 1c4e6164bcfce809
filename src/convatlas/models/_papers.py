"""Papers that several families quote; the constants live in `convatlas.facts.papers`."""

from convatlas.facts.papers import HAN2016, HE2016, HUANG2018, ZHANG2018

__all__ = ["HAN2016", "HE2016", "HUANG2018", "ZHANG2018"]
