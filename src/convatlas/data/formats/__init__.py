"""Data sets as publishers and tools keep them: one file a format, each ending in a collection."""

from convatlas.data.formats._cifar import collect_cifar, find_cifar
from convatlas.data.formats._idx_folder import collect_idx, find_idx
from convatlas.data.formats._list import collect_list, is_list
from convatlas.data.formats._shard_sets import ShardSets, collect_shards, shard_sets
from convatlas.data.formats._synsets import synset_titles

__all__ = [
    "ShardSets",
    "collect_cifar",
    "collect_idx",
    "collect_list",
    "collect_shards",
    "find_cifar",
    "find_idx",
    "is_list",
    "shard_sets",
    "synset_titles",
]
