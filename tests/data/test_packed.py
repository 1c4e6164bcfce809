"""Packed images: the same pixels, mapped; damage found; made again when the source changed."""

import json
import os
import pickle
import shutil
from collections import namedtuple
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convatlas.data import Material, PackedForm, Preprocessing, fit, open_dataset, pack, prepare
from convatlas.data._fit import fit_whole
from convatlas.data.packed import PackedPixels, _header, _write
from convatlas.errors import UserError
from tests.data.images import noise, write_folder
from tests.data.shards import samples, write_shard

WHOLE = PackedForm()


@pytest.fixture
def photos(tmp_path):
    """Images of many sizes, some grey, in two classes, one of them unreadable."""
    root = tmp_path / "photos"
    for number in range(40):
        folder = root / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        image = noise(10 + number % 7, 30 - number % 11, 1 if number % 5 == 0 else 3, number)
        (image.convert("RGB") if number % 10 == 0 else image).save(folder / f"{number:03d}.png")
    (root / "a" / "bad.jpg").write_text("no")
    return root


def same_but_pixels(a, b):
    assert (a.name, a.kind, a.classes, a.channels, a.flip) == (
        b.name, b.kind, b.classes, b.channels, b.flip,
    )  # fmt: skip
    assert [list(s.names) for s in a.splits] == [list(s.names) for s in b.splits]
    assert [s.labels.tolist() for s in a.splits] == [s.labels.tolist() for s in b.splits]
    assert (a.scan.unreadable, a.scan.duplicates) == (b.scan.unreadable, b.scan.duplicates)


def test_as_decoded_it_is_the_same_data_set(tmp_path, photos):
    packed = pack(str(photos), tmp_path / "x.packed", WHOLE)
    assert (packed.images, packed.made_because) == (40, "there was none")
    original, copy = open_dataset(str(photos)), open_dataset(str(packed.path))
    same_but_pixels(copy, original)
    assert (copy.fingerprint, copy.scan) == (original.fingerprint, original.scan)
    assert copy.notes == original.notes
    for mine, theirs in zip(copy.splits, original.splits, strict=True):
        again = pickle.loads(pickle.dumps(mine))
        for i in range(len(mine)):
            expected = theirs.image(i).convert("RGB")
            for split in (mine, again):
                assert np.array_equal(np.asarray(split.image(i).convert("RGB")), expected)
    one = copy.train.source.picture(0)
    assert one.pixels.base is not None  # not copied
    assert not one.pixels.flags.writeable


@pytest.mark.parametrize("seed", [0, 7])
def test_another_seed_divides_a_packed_file_as_its_source(tmp_path, photos, seed):
    pack(str(photos), tmp_path / "x.packed", PackedForm(short_side=8))
    copy = open_dataset(str(tmp_path / "x.packed"), seed=seed)
    same_but_pixels(copy, open_dataset(str(photos), seed=seed))
    with pytest.raises(UserError, match=r"has 1 unreadable image files: 'a/bad\.jpg'"):
        open_dataset(str(tmp_path / "x.packed"), unreadable="refuse")


def test_squares_are_what_is_made_for_training(tmp_path, photos):
    pack(str(photos), tmp_path / "x.packed", PackedForm(side=9))
    original, copy = open_dataset(str(photos)), open_dataset(str(tmp_path / "x.packed"))
    same_but_pixels(copy, original)
    assert (copy.native_side, copy.scan.largest_side) == (9, 9)
    assert copy.fingerprint != original.fingerprint  # the pixels are others
    how = Preprocessing(side=9, channels=3, mean=(0,) * 3, std=(1,) * 3)
    for mine, theirs in zip(copy.splits, original.splits, strict=True):
        pixels = prepare(mine, how, cache=tmp_path / "c")
        assert isinstance(pixels, PackedPixels)
        expected = np.stack([fit(theirs.source.picture(i), 9, 3) for i in range(len(theirs))])
        assert np.array_equal(pixels.batch(np.arange(len(mine))), expected)
        batch = pixels.batch(np.array([1, 0, 1]))
        assert np.array_equal(batch, expected[[1, 0, 1]])
        batch[:] = 0  # a copy
        assert pixels.batch(np.array([0])).any()
    assert not (tmp_path / "c").exists()  # nothing was made
    smaller = Preprocessing(side=6, channels=3, mean=(0,) * 3, std=(1,) * 3)
    resized = prepare(copy.val, smaller, cache=tmp_path / "c").batch(np.arange(2))
    expected = np.stack([fit(copy.val.source.picture(i), 6, 3) for i in range(2)])
    assert np.array_equal(resized, expected)


def test_whole_pictures_of_a_short_side(tmp_path, photos):
    noise(80, 2, 3, 99).save(photos / "a" / "long.png")
    noise(300, 12, 3, 98).save(photos / "a" / "longer.png")
    pack(str(photos), tmp_path / "x.packed", PackedForm(short_side=11))
    original, copy = open_dataset(str(photos)), open_dataset(str(tmp_path / "x.packed"))
    seen = 0
    for mine, theirs in zip(copy.splits, original.splits, strict=True):
        for i in range(len(mine)):
            got, picture = mine.source.picture(i).pixels, theirs.source.picture(i)
            channels = 1 if got.ndim == 2 else 3
            if min(picture.size) > 11:
                expected = fit_whole(picture, 11, channels)
            else:  # never enlarged
                expected = picture.pixels.reshape(*picture.size[::-1], -1)[..., :channels]
            assert np.array_equal(got.reshape(-1), expected.reshape(-1)), mine.names[i]
            seen += min(picture.size) > 11
    assert seen > 20


def test_what_was_packed_from_shards_and_arrays(tmp_path):
    where = tmp_path / "shards"
    path = write_shard(where / "train-0.tar", samples(["ant", "bee"] * 15))
    write_shard(where / "test-0.tar", samples(["ant", "bee"] * 3, 50))
    packed = pack(str(where), tmp_path / "out" / "x.packed", WHOLE)
    original, copy = open_dataset(str(where)), open_dataset(str(packed.path))
    assert copy.fingerprint == original.fingerprint
    assert path.is_file()
    pytest.importorskip("sklearn")
    packed = pack("digits", tmp_path / "out", WHOLE)
    assert packed.path == tmp_path / "out" / "digits.packed"
    assert open_dataset(str(packed.path)).fingerprint == open_dataset("digits").fingerprint


def test_made_again_only_when_the_source_changes(tmp_path, photos):
    out = tmp_path / "x.packed"
    form = PackedForm(side=8)
    assert pack(str(photos), out, form).made_because == "there was none"
    before = out.stat()
    assert pack(str(photos), out, form).made_because == ""
    assert out.stat() == before
    assert pack(str(photos), out, PackedForm(side=7)).made_because == "it held squares of 8"
    assert pack(str(photos), out, form).made_because == "it held squares of 7"
    os.utime(photos / "a" / "002.png", ns=(1, 1))
    assert pack(str(photos), out, form).made_because == "the data changed"
    (photos / "a" / "002.png").rename(photos / "b" / "002.png")
    assert pack(str(photos), out, form).made_because == "the data changed"
    noise(9, 9, 3, 77).save(photos / "b" / "new.png")
    assert pack(str(photos), out, form).made_because == "the data changed"
    (photos / "b").rename(photos / "c")
    assert pack(str(photos), out, form).made_because == "the data changed"
    content = bytearray(out.read_bytes())
    content[5000] ^= 1
    out.write_bytes(content)
    assert pack(str(photos), out, form).made_because == "it was damaged"
    assert pack(str(photos), out, form).made_because == ""


def test_a_changed_source_does_not_touch_those_who_have_the_old_file_open(tmp_path, photos):
    out = tmp_path / "x.packed"
    pack(str(photos), out, WHOLE)
    split = open_dataset(str(out)).train
    expected = np.array(split.image(0))
    sent = pickle.dumps(split)
    noise(9, 9, 3, 77).save(photos / "b" / "new.png")
    pack(str(photos), out, WHOLE)
    assert np.array_equal(split.image(0), expected)
    with pytest.raises(UserError, match="another packed file has taken the place of this one"):
        pickle.loads(sent).image(0)


def refusal(path):
    with pytest.raises(UserError) as raised:
        open_dataset(str(path))
    return str(raised.value)


def test_damage_is_found_and_named(tmp_path, photos, monkeypatch):
    for module in (_header, _write):
        monkeypatch.setattr(module, "BLOCK_BYTES", 1000)
    from convatlas.data.packed import _read

    monkeypatch.setattr(_read, "BLOCK_BYTES", 1000)
    out = tmp_path / "x.packed"
    pixels = pack(str(photos), out, PackedForm(side=10)).pixel_bytes
    assert pixels == 40 * 300
    whole = out.read_bytes()
    names = sorted(p.relative_to(photos).as_posix() for p in photos.rglob("*.png"))

    def damaged(at):
        content = bytearray(whole)
        content[at] ^= 0x10
        out.write_bytes(content)
        return refusal(out)

    # byte 3,700 is in block 3 (3,000 to 3,999), where images 10 to 13 lie
    assert f"the first holds {names[10]!r} to {names[13]!r}. Pack the data again." in damaged(
        4096 + 3700
    )
    assert "1 of its 12 blocks have another checksum" in damaged(4096 + 3700)
    assert f"holds {names[0]!r} to {names[3]!r}" in damaged(4096)
    assert "the table that names its images has another checksum" in damaged(4096 + pixels + 5)
    assert "its header has another checksum" in damaged(len(whole) - 3)
    assert "bytes, but should have" in damaged(20)
    out.write_bytes(whole[:-1])
    assert f"it has {len(whole) - 1:,} bytes, but should have {len(whole):,}" in refusal(out)
    out.write_bytes(whole + b"x")
    assert f"it has {len(whole) + 1:,} bytes, but should have" in refusal(out)
    out.write_bytes(whole[:40])
    assert "are damaged: it has 40 bytes only. Pack the data again." in refusal(out)
    newer = whole.replace(b'"version": 1', b'"version": 2')
    out.write_bytes(resealed(newer))
    assert "have form 2; this version reads form 1. Pack the data again." in refusal(out)


def resealed(content):
    """With the right checksum of its header, as a stranger would write it."""
    place, length = np.frombuffer(content, "<u8", 2, 16).tolist()
    return content[:32] + sha256(content[place : place + length]).digest() + content[64:]


@pytest.mark.parametrize(
    "change",
    [
        {"hold_out": []}, {"hold_out": [["test", 0.1], ["test", 0.1]]},
        {"hold_out": [["test", 0.1], ["val", 7.0]]}, {"source": "zz"}, {"titles": ["x"]},
        {"classes": ["a", "a"]}, {"classes": ["a"]}, {"images": 10**12}, {"images": 0},
        {"pixel_bytes": -1}, {"table_bytes": 10**12}, {"blocks": []}, {"block_bytes": 1},
        {"modes": []}, {"kind": "pickle"}, {"more": 1}, {"flip": "yes"}, {"form": None},
    ],
    ids=str,
)  # fmt: skip
def test_headers_that_say_what_cannot_be(tmp_path, photos, change):
    out = tmp_path / "x.packed"
    pack(str(photos), out, WHOLE)
    content = out.read_bytes()
    place = int(np.frombuffer(content, "<u8", 1, 16)[0])
    header = json.dumps({**json.loads(content[place:]), **change}).encode()
    told = content[:24] + len(header).to_bytes(8, "little") + content[32:place] + header
    out.write_bytes(resealed(told))
    assert "are damaged: " in refusal(out)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_hostile_headers_and_tables_are_refused_or_read(tmp_path_factory, data):
    """Whatever stands in header and table, sealed with right checksums, nothing else happens."""
    base = tmp_path_factory.getbasetemp() / "hostile"
    out = base / "x.packed"
    if not (base / "whole").exists():
        root = write_folder(base / "data", {"a": 6, "b": 6})
        pack(str(root), out, WHOLE)
        shutil.copy(out, base / "whole")
    whole = (base / "whole").read_bytes()
    place, length = np.frombuffer(whole, "<u8", 2, 16).tolist()
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.integers(place - 700, place + length - 1))
        value = data.draw(st.one_of(st.integers(0, 255), st.sampled_from(b'0129-[]{}",')))
        content[where] = value
    start = 4096 + json.loads(whole[place:])["pixel_bytes"]
    own, new = (sha256(rows[start:place]).hexdigest().encode() for rows in (whole, content))
    header = bytes(content[place:]).replace(own, new)
    out.write_bytes(resealed(bytes(content[:place]) + header))
    try:
        dataset = open_dataset(str(out))
    except UserError:
        return
    for split in dataset.splits:
        for i in range(len(split)):
            split.image(i).load()


def test_what_is_no_place_for_it(tmp_path, photos, monkeypatch):
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    with pytest.raises(UserError, match=r"notes\.txt' is another kind of file\. Choose another"):
        pack(str(photos), other, WHOLE)
    assert other.read_text() == "mine"
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, 1000))
    with pytest.raises(UserError, match=r"bytes are needed for .*x\.packed', and 67,108,864 to"):
        pack(str(photos), tmp_path / "x.packed", WHOLE)
    assert not (tmp_path / "x.packed").exists()
    with pytest.raises(UserError, match="squares or whole pictures, not both"):
        PackedForm(side=3, short_side=3)
    with pytest.raises(UserError, match="short_side=0; it must be 1 to"):
        PackedForm(short_side=0)


def test_a_file_that_vanishes_while_packing_leaves_the_old_one(tmp_path, photos, monkeypatch):
    out = tmp_path / "x.packed"
    pack(str(photos), out, WHOLE)
    before = out.read_bytes()
    noise(9, 9, 3, 77).save(photos / "b" / "new.png")
    monkeypatch.setattr(_write, "_check_room", lambda *_: (photos / "b" / "new.png").unlink())
    with pytest.raises(UserError, match=r"'b/new\.png' was readable before and now is not"):
        pack(str(photos), out, WHOLE)
    assert out.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", "x.packed"]


def test_material_takes_packed_squares_as_they_are(tmp_path, photos):
    pack(str(photos), tmp_path / "x.packed", PackedForm(side=12))
    dataset = open_dataset(str(tmp_path / "x.packed"))
    material = Material(dataset, tmp_path / "c", threads=1, progress=lambda *_: None)
    assert isinstance(material.pixels("train", 12), PackedPixels)


def test_pictures_of_one_size_are_an_array_even_if_some_are_grey(tmp_path):
    root = write_folder(tmp_path / "x", {"a": 10, "b": 10}, side=12)
    noise(12, 12, 1, 99).save(root / "a" / "grey.png")
    pack(str(root), tmp_path / "x.packed", WHOLE)
    original, copy = open_dataset(str(root)), open_dataset(str(tmp_path / "x.packed"))
    assert copy.fingerprint == original.fingerprint
    how = Preprocessing(side=12, channels=3, mean=(0,) * 3, std=(1,) * 3)
    for mine, theirs in zip(copy.splits, original.splits, strict=True):
        pixels = prepare(mine, how, cache=tmp_path / "c")
        assert isinstance(pixels, PackedPixels)
        expected = np.stack([fit(theirs.source.picture(i), 12, 3) for i in range(len(theirs))])
        assert np.array_equal(pixels.batch(np.arange(len(mine))), expected)
