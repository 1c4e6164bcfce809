"""ImageNet's folders and the words for its classes."""

import pytest

from convatlas.data import open_dataset
from tests.data.images import write_folder

WNIDS = {"n01440764": 5, "n02119789": 5}
WORDS = ("tench, Tinca tinca", "kit fox, Vulpes macrotis")


@pytest.mark.parametrize(
    ("place", "content", "words"),
    [
        ("LOC_synset_mapping.txt", "{0} {1}\n", WORDS),
        ("data/synset_words.txt", "{0} {1}\n", WORDS),
        ("../words.txt", "{0}\t{1}\n", WORDS),
        ("../../LOC_synset_mapping.txt", "{0} {1}\r\n", WORDS),
        ("devkit/data/map_clsloc.txt", "{0} 37 {2}\n", ("tench", "kit fox")),
        ("../synset_words.txt", "{0} {2}\n", ("tench", "kit fox")),
    ],
)
def test_words_from_a_list_beside_or_above(tmp_path, place, content, words):
    root = tmp_path / "ILSVRC" / "Data"
    write_folder(root / "train", WNIDS)
    write_folder(root / "val", WNIDS, start=50)
    path = root / place
    path.parent.mkdir(parents=True, exist_ok=True)
    short = ("tench", "kit_fox")
    path.write_text("".join(content.format(n, w, s)
                            for n, w, s in zip(WNIDS, WORDS, short, strict=True)))  # fmt: skip
    dataset = open_dataset(str(root))
    assert dataset.classes == tuple(WNIDS)
    assert dataset.titles == words


def test_without_a_list_or_with_half_of_one_the_numbers_stay(tmp_path):
    write_folder(tmp_path / "x", WNIDS)
    assert open_dataset(str(tmp_path / "x")).titles == tuple(WNIDS)
    (tmp_path / "x" / "words.txt").write_text("n01440764\ttench\n\nnonsense\n")
    assert open_dataset(str(tmp_path / "x")).titles == tuple(WNIDS)
    (tmp_path / "x" / "words.txt").write_bytes(b"\xff" * 50)
    assert open_dataset(str(tmp_path / "x")).titles == tuple(WNIDS)


def test_other_classes_are_not_looked_up(tmp_path):
    write_folder(tmp_path / "x", {"cat": 4, "n01440764": 4})
    (tmp_path / "x" / "words.txt").write_text("n01440764\ttench\n")
    assert open_dataset(str(tmp_path / "x")).titles == ("cat", "n01440764")
