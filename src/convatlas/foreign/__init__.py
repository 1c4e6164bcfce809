"""Checkpoints that other libraries wrote, brought under the names of our nets."""

from convatlas.foreign._candidates import Candidate, candidates
from convatlas.foreign._checkpoint import Checkpoint, read_checkpoint
from convatlas.foreign._choice import ways_to_import
from convatlas.foreign._convert import Comparison, compare, convert, net_for
from convatlas.foreign._import import Imported, import_checkpoint, read_classes
from convatlas.foreign._source import Library, Source
from convatlas.foreign._sources import sources, sources_of

__all__ = [
    "Candidate",
    "Checkpoint",
    "Comparison",
    "Imported",
    "Library",
    "Source",
    "candidates",
    "compare",
    "convert",
    "import_checkpoint",
    "net_for",
    "read_checkpoint",
    "read_classes",
    "sources",
    "sources_of",
    "ways_to_import",
]
