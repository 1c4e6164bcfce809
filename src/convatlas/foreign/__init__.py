"""Checkpoints that other libraries wrote, brought under the names of our nets."""

from convatlas.foreign._convert import Comparison, compare, convert, net_for
from convatlas.foreign._source import Source
from convatlas.foreign._sources import sources, sources_of

__all__ = ["Comparison", "Source", "compare", "convert", "net_for", "sources", "sources_of"]
