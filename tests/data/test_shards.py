"""Tar shards as labelled images, and what is said of those that are none."""

import gzip
import pickle
import tarfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convatlas.data._decode import Undecodable
from convatlas.data._images import open_images
from convatlas.data._shards import shard_paths
from convatlas.data._tar import members
from convatlas.errors import UserError
from tests.data.images import noise
from tests.data.shards import member, png, sample, samples, write_shard

CLASSES = ("ant", "bee", "cow")


def opened(where, classes=CLASSES, **options):
    return open_images(str(where), None, classes, **options)


def refusal(where, classes=CLASSES, **options):
    with pytest.raises(UserError) as raised:
        opened(where, classes, **options)
    return str(raised.value)


@pytest.mark.parametrize(
    "tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
)
def test_members_are_those_that_tarfile_finds(tmp_path, tar_format):
    long = "/".join(["a-folder-of-some-length"] * 3) + "/" + "x" * 90 + ".png"
    names = ["a.png", long if tar_format == tarfile.USTAR_FORMAT else long * 3, "b.png"]
    if tar_format != tarfile.USTAR_FORMAT:
        names.append("\u00fc\u4e2d.png")
    contents = [member(name, b"x" * (500 + 20 * i)) for i, name in enumerate(names)]
    folder = member("d", type=tarfile.DIRTYPE)
    path = write_shard(tmp_path / "a.tar", [folder, *contents], tar_format)
    found = list(members(path))
    with tarfile.open(path) as archive:
        told = [(i.name, i.offset_data, i.size) for i in archive]
    assert [(m.name.rstrip("/"), m.offset, m.size) for m in found] == told
    assert [m.kind for m in found] == ["folder"] + ["file"] * len(names)


def test_images_labels_and_pixels_by_number(tmp_path):
    write_shard(tmp_path / "s-0.tar", samples([2, 0, 1]))
    write_shard(tmp_path / "s-1.tar", samples([1, 1], start=3))
    for where in (tmp_path, tmp_path / "s-{0..1}.tar"):
        images = opened(where)
        assert images.labels.tolist() == [2, 0, 1, 1, 1]
        assert images.names[0] == "s-0.tar/000000.png"
        assert images.names[4] == "s-1.tar/000004.png"
        for copy in (images, pickle.loads(pickle.dumps(images))):
            for i in range(5):
                expected = np.asarray(noise(8, 8, 3, i))
                assert np.array_equal(copy.source.picture(i).pixels, expected)
        assert images.notes[0] == "5 images in 2 tar shards."
        assert (
            "positions in the model's own list of classes, counted from 0 ('ant')"
            in (images.notes[1])
        )
    assert len(opened(tmp_path / "s-1.tar")) == 2
    assert opened(tmp_path).fingerprint == opened(tmp_path).fingerprint
    write_shard(tmp_path / "s-1.tar", samples([1, 0], start=3))
    assert opened(tmp_path).fingerprint != images.fingerprint


def test_labels_as_names_numbers_json_and_folders(tmp_path):
    shards = {
        "names": samples(["cow", " ant\n"]),
        "json": samples(['{"label": 2, "x": [1]}', '{"cls": "0"}'], ending="json"),
        "folders": [member("val/cow/a.b.png", png(0)), member("val/ant/1.PNG", png(1))],
        "alike": [member("cow/a.jpg", png(0)), member("ant/b.png", png(1))],
        "later": [*reversed(sample("a", "cow")), *sample("b/a", "ant", 1)],
    }
    for name, content in shards.items():
        path = write_shard(tmp_path / f"{name}.tar", content)
        assert opened(path).labels.tolist() == [2, 0]


def test_images_of_a_class_folder_may_differ_in_their_ending_only(tmp_path):
    content = [member("cow/a.jpg", png(0)), member("cow/a.png", png(1))]
    images = opened(write_shard(tmp_path / "a.tar", content))
    assert list(images.names) == ["a.tar/cow/a.jpg", "a.tar/cow/a.png"]


def test_a_list_of_classes_beside_the_shards_is_matched_by_name(tmp_path):
    write_shard(tmp_path / "a.tar", samples([0, 1, 2]))
    (tmp_path / "classes.txt").write_text("cow\nant\nbee\n")
    images = opened(tmp_path)
    assert images.labels.tolist() == [2, 0, 1]
    assert any("another order than the data ('ant' comes where the data has 'cow')" in note
               for note in images.notes)  # fmt: skip
    (tmp_path / "classes.txt").write_text("cow\nant\neel\n")
    assert "does not know 1 of the data's 3 classes: 'eel'." in refusal(tmp_path)
    assert "Of these the data lacks 'bee'." in refusal(tmp_path)
    (tmp_path / "classes.txt").write_text("cow\n")
    assert "has label 1, but classes.txt has 1 classes" in refusal(tmp_path)


def test_labels_outside_the_classes_name_the_image(tmp_path):
    path = write_shard(tmp_path / "a.tar", samples([0, 3, 7, 3]))
    assert (
        "Image 'a.tar/000001.png' has label 3, but the model has 3 classes, counted from 0 "
        "(2 such labels)."
    ) in refusal(path)
    path = write_shard(tmp_path / "b.tar", samples(["ant", "dog"]))
    assert "does not know 1 of the data's 2 classes: 'dog'" in refusal(path)
    path = write_shard(tmp_path / "c.tar", samples(["9" * 40, "1"]))
    assert "does not know 2 of the data's 2 classes" in refusal(path)


def test_a_number_that_is_also_a_name_is_refused(tmp_path):
    path = write_shard(tmp_path / "a.tar", samples([0, 1]))
    assert len(opened(path, ("0", "1", "2"))) == 2
    assert "Label '1' could mean the class named '1' or number 1, which is '10'" in refusal(
        path, ("0", "10", "1")
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([*sample("a", 0), member("b.png", png(1))], "image 'b.png' has no label, though others"),
        ([member("a.png", png(0))], "image 'a.png' has no label: neither a .cls"),
        ([member("../a.png", png(0))], "image '../a.png' has no label"),
        ([member("a.cls", b"1")], "holds no image"),
        ([], "holds no image"),
        ([*sample("a", 0), member("a.jpg", png(1))], "two images for 'a': 'a.png' and 'a.jpg'"),
        ([*sample("a", 0), *sample("a", 0)], "two images for 'a': 'a.png' and 'a.png'"),
        ([member("c/a.png", png(0)), member("c/a.png", png(1))], "an image twice"),
        ([member("a.png", png(0)), member("a.cls", b"")], "'a.cls' has 0 bytes"),
        ([member("a.png", png(0)), member("a.cls", b"x" * 5000)], "'a.cls' has 5,000 bytes"),
        ([member("a.png", png(0)), member("a.cls", b"\xff\xfe")], "which is no text"),
        ([member("a.png", png(0)), member("a.cls", linkname="/etc/passwd", type=tarfile.SYMTYPE)],
         "'a.cls' is a link"),
        (sample("a", '{"x": 1}', ending="json"), "a JSON object with a number or a name"),
        (sample("a", "[" * 9000, ending="json"), "a JSON object with a number or a name"),
        (sample("a", '{"label": true}', ending="json"), "a JSON object with a number"),
    ],
)  # fmt: skip
def test_what_a_shard_must_hold(tmp_path, content, words):
    assert words in refusal(write_shard(tmp_path / "a.tar", content))


def test_members_that_give_no_image_are_numbered_and_say_why(tmp_path):
    content = [
        *sample("good", 0),
        member("link.png", type=tarfile.SYMTYPE, linkname="/etc/hostname"),
        member("link.cls", b"0"),
        member("hard.png", type=tarfile.LNKTYPE, linkname="good.png"),
        member("hard.cls", b"0"),
        *sample("../../etc/out", 0),
        *sample("/abs", 0),
        member("pipe.png", type=tarfile.FIFOTYPE),
        member("pipe.cls", b"0"),
        member("text.png", b"hello"),
        member("text.cls", b"0"),
        member("empty.jpg"),
        member("empty.cls", b"0"),
    ]
    images = opened(write_shard(tmp_path / "a.tar", content))
    assert len(images) == 8
    assert images.source.picture(0).size == (8, 8)
    reasons = []
    for i in range(1, 8):
        with pytest.raises(Undecodable) as raised:
            images.source.picture(i)
        reasons.append(str(raised.value))
    assert reasons == [
        "it is a link inside the archive, which is not followed",
        "it is a link inside the archive, which is not followed",
        "its name leads out of the archive's folder",
        "its name leads out of the archive's folder",
        "it is no plain file inside the archive",
        "no image in an allowed format (JPEG, PNG, WebP, BMP, GIF, TIFF, PPM)",
        "the file is empty (0 bytes)",
    ]
    assert images.names[3] == "a.tar/../../etc/out.png"


def test_masks_beside_the_images_are_counted(tmp_path):
    content = [*samples([0, 1]), member("000000.seg.png", png(5)), member("._x.png", b"")]
    images = opened(write_shard(tmp_path / "a.tar", content))
    assert len(images) == 2
    assert "1 files ending in .seg.png belong to samples but are not their image." in images.notes


def test_archives_that_are_not_whole(tmp_path):
    path = write_shard(tmp_path / "a.tar", samples([0, 1, 2]))
    whole = path.read_bytes()
    image = next(iter(members(path)))
    for end, words in (
        (0, "shorter than one header"),
        (300, "shorter than one header"),
        (image.offset + 10, "'000000.png' has"),
        (image.offset + image.size - 1, "the file ends 1 bytes before that. It was not copied"),
        (image.offset + 512, "without the empty blocks that close an archive"),
    ):
        path.write_bytes(whole[:end])
        assert words in refusal(path)
    path.write_bytes(whole + whole)
    assert "follow its closing block" in refusal(path)
    path.write_bytes(gzip.compress(whole))
    assert "it is compressed, and images are read by their place. Unpack it: gzip -d." in (
        refusal(path)
    )
    path.write_bytes(png(0, 64))
    assert "its first header is none (checksum)" in refusal(path)
    path.write_bytes(whole[:512].replace(b"000000", b"000009", 1) + whole[512:])
    assert "(checksum). It is no tar file, or damaged." in refusal(path)


def declaring(size, kind=b"0", name=b"a.png"):
    """A header that is well formed and declares any size, in base 256."""
    info = tarfile.TarInfo(name.decode())
    header = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    header[124:136] = b"\x80" + size.to_bytes(11, "big")
    header[156:157] = kind
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


@pytest.mark.parametrize("size", [1 << 20, 1 << 40, (1 << 88) - 1])
@pytest.mark.parametrize("kind", [b"0", b"L", b"x", b"g", b"S", b"V"])
def test_huge_declared_sizes_allocate_nothing(tmp_path, size, kind):
    path = tmp_path / "a.tar"
    path.write_bytes(declaring(size, kind) + bytes(2048))
    told = refusal(path)
    assert f"{size:,} bytes" in told


def test_a_huge_image_that_is_there_is_not_read(tmp_path):
    path = tmp_path / "a.tar"
    size = 1 << 40
    with path.open("wb") as file:  # a sparse file: nothing of it is on the disk
        file.write(declaring(size, name=b"ant/a.png"))
        file.truncate(512 + size + 1024)
    images = opened(path)
    with pytest.raises(Undecodable, match="1,099,511,627,776 bytes; the limit is"):
        images.source.picture(0)


def test_an_archive_that_shrinks_meanwhile(tmp_path):
    path = write_shard(tmp_path / "a.tar", samples([0, 1]))
    images = opened(path)
    path.write_bytes(path.read_bytes()[:520])
    with pytest.raises(Undecodable, match="has become shorter"):
        images.source.picture(0)
    path.unlink()
    with pytest.raises(Undecodable, match="no such file"):
        images.source.picture(0)


def test_which_shards_are_meant(tmp_path):
    for number in (0, 1, 10):
        write_shard(tmp_path / f"v-{number:02d}.tar", samples([0]))
    assert len(shard_paths(str(tmp_path / "v-{00..01}.tar"))) == 2
    assert [p[-8:] for p in shard_paths(str(tmp_path))] == ["v-00.tar", "v-01.tar", "v-10.tar"]
    assert shard_paths("digits") == ()
    assert "9 of 12 shards" in refusal(tmp_path / "v-{00..11}.tar")
    assert "v-02.tar" in refusal(tmp_path / "v-{00..11}.tar")
    assert "must run upwards" in refusal(tmp_path / "v-{9..1}.tar")
    assert "at most 100,000" in refusal(tmp_path / "v-{0..9999999999999}.tar")
    with pytest.raises(UserError, match="are not divided into splits, so there is no 'val'"):
        open_images(str(tmp_path), "val", CLASSES)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damaged_archives_are_refused_or_read_but_nothing_else_happens(tmp_path_factory, data):
    path = write_shard(tmp_path_factory.getbasetemp() / "fuzz" / "a.tar", samples([0, 1]))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, 4 * 1024))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    try:
        images = opened(path)
    except UserError:
        return
    for i in range(len(images)):
        try:
            images.source.picture(i)
        except Undecodable:
            continue
