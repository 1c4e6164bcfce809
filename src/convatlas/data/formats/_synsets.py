"""ImageNet's classes in words: their folders are called by WordNet numbers such as n01440764.

The words come from a list that lies with the images; none is shipped here.
Sources: Kaggle's LOC_synset_mapping.txt, the developer kit's map_clsloc.txt, Caffe's
synset_words.txt, ImageNet's words.txt.
"""

import re
from collections.abc import Sequence
from pathlib import Path

_NUMBER = re.compile(r"n[0-9]{8}")
_LISTS = ("LOC_synset_mapping.txt", "synset_words.txt", "map_clsloc.txt", "words.txt")
_LINE = re.compile(r"(n[0-9]{8})(?:\s+[0-9]+(?=\s+\S+\s*$))?\s+(.*\S)\s*")
_FOLDERS = (".", "devkit", "devkit/data", "data")
_LEVELS = 4  # the folder itself and those above: train/, CLS-LOC/, Data/, ILSVRC/
_MOST_BYTES = 16 << 20


def synset_titles(root: Path, classes: Sequence[str]) -> tuple[str, ...]:
    """The classes in words, or empty if they are no WordNet numbers or no list names them all."""
    if not all(_NUMBER.fullmatch(name) for name in classes):
        return ()
    folder = root.resolve()
    for above in [folder, *folder.parents][:_LEVELS]:
        for name in _LISTS:
            for below in _FOLDERS:
                words = _words(above / below / name)
                if all(label in words for label in classes):
                    return tuple(words[label] for label in classes)
    return ()


def _words(path: Path) -> dict[str, str]:
    """What a list says, empty if there is none to read."""
    try:
        if not path.is_file() or path.stat().st_size > _MOST_BYTES:
            return {}
        text = path.read_text("utf-8", "backslashreplace")
    except OSError:
        return {}
    found = {}
    for line in text.splitlines():
        if match := _LINE.fullmatch(line):
            found[match[1]] = match[2].replace("_", " ")
    return found
