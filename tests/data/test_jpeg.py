"""The fast JPEG decoder against Pillow: equal in every bit, or not used."""

import struct
import time
from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from convatlas.data import _jpeg
from convatlas.data._decode import Undecodable, decode
from convatlas.data._jpeg import decode_plain_jpeg, plain_frame
from convatlas.data._scaled_jpeg import _with_pillow, decode_scaled
from tests.data.images import encoded, noise

pytest.importorskip("simplejpeg")


def fast(content):
    return decode_plain_jpeg(content, max_pixels=10**8)


def pillow(content):
    with Image.open(BytesIO(content)) as image:
        return np.asarray(image)


@settings(max_examples=150, deadline=None)
@given(
    width=st.integers(1, 70), height=st.integers(1, 70), channels=st.sampled_from([1, 3]),
    quality=st.integers(1, 100), subsampling=st.sampled_from([0, 1, 2]),
    progressive=st.booleans(), optimize=st.booleans(), restart=st.integers(0, 3),
)  # fmt: skip
def test_every_plain_jpeg_is_bit_identical(width, height, channels, restart, **options):
    image = noise(width, height, channels, seed=width * height)
    content = encoded(image, "JPEG", restart_marker_blocks=restart, **options)
    picture = fast(content)
    assert picture is not None
    assert np.array_equal(picture.pixels, pillow(content))
    assert picture.stored_mode == ("L" if channels == 1 else "RGB")


@pytest.mark.parametrize("options", [{"keep_rgb": True}, {"icc_profile": b"x" * 70_000},
                                     {"comment": b"hello"}, {"dpi": (300, 300)}])  # fmt: skip
def test_colour_spaces_and_extra_segments(options):
    content = encoded(noise(50, 40), "JPEG", **options)
    picture = fast(content)
    assert picture is not None
    assert np.array_equal(picture.pixels, pillow(content))


@pytest.mark.parametrize("end", ["<", ">"])
def test_exif_that_says_upright_is_plain(end):
    exif = Image.Exif()
    exif.endian = end
    exif[0x0112] = 1
    exif[0x010F] = "a camera"
    assert fast(encoded(noise(50, 40), "JPEG", exif=exif)) is not None


def with_segment(content, segment):
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + content[2:]


def test_what_is_not_plain_is_left_to_pillow():
    turned = Image.Exif()
    turned[0x0112] = 6
    content = encoded(noise(50, 40), "JPEG")
    xmp = b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>'
    upright = b"Exif\0\0II*\0\x08\0\0\0\0\0"
    for not_plain in (
        encoded(noise(50, 40), "JPEG", exif=turned),
        encoded(Image.new("CMYK", (50, 40)), "JPEG"),
        with_segment(content, xmp),
        with_segment(content, b"Exif\0\0odd"),
        with_segment(with_segment(content, upright), upright),
        content[: len(content) // 2],
        content[:30],
        encoded(noise(50, 40), "PNG"),
        content.replace(b"\xff\xc0", b"\xff\xc9"),
    ):
        assert fast(not_plain) is None
    assert fast(with_segment(content, upright)) is not None
    assert decode(with_segment(content, xmp)).size == (40, 50)  # Pillow turns it


def test_larger_than_the_limit_is_left_to_pillow():
    content = encoded(noise(50, 40), "JPEG")
    assert decode_plain_jpeg(content, max_pixels=1999) is None
    assert decode_plain_jpeg(content, max_pixels=2000) is not None


def test_without_the_extra_pillow_decodes_the_same(monkeypatch):
    content = encoded(noise(50, 40), "JPEG")
    with_extra = decode(content).pixels
    monkeypatch.setattr(_jpeg, "_decoder", lambda: None)
    assert fast(content) is None
    assert np.array_equal(decode(content).pixels, with_extra)


def test_scans_are_counted_where_more_than_one_may_be_read():
    assert plain_frame(encoded(noise(50, 40), "JPEG")).one_scan
    assert not plain_frame(encoded(noise(50, 40), "JPEG", progressive=True)).one_scan
    assert plain_frame(encoded(noise(50, 40), "PNG")) is None
    by_channel = bytearray(encoded(noise(50, 40), "JPEG"))
    by_channel[by_channel.index(b"\xff\xda") + 4] = 1  # channels in the first scan
    assert not plain_frame(bytes(by_channel)).one_scan
    content = encoded(noise(50, 40), "JPEG")
    with pytest.raises(Undecodable, match="more than 100 scans"):
        decode(content.replace(b"\xff\xc0", b"\xff\xc2") + b"\xff\xda" * 101)


def test_scans_behind_the_only_one_cost_no_time():
    """200,000 empty scans after the image: refused or ignored, but not worked through."""
    content = encoded(noise(500, 400), "JPEG")
    start = content.index(b"\xff\xda")
    header = content[start : start + 14]
    padded = content[:-2] + header * 200_000 + b"\xff\xd9"
    plain_s, padded_s = (min(_seconds_of(each) for _ in range(3)) for each in (content, padded))
    assert padded_s < 10 * plain_s + 0.05


def _seconds_of(content):
    start = time.thread_time()
    with suppress(Undecodable):
        decode(content)
    return time.thread_time() - start


@pytest.mark.parametrize("factor", [2, 4, 8])
@pytest.mark.parametrize("channels", [1, 3])
def test_scaled_copies_are_those_of_pillow(factor, channels):
    for width, height, options in (
        (64, 64, {}), (65, 63, {"subsampling": 0}), (203, 99, {"quality": 30}), (9, 40, {}),
    ):  # fmt: skip
        content = encoded(noise(width, height, channels), "JPEG", **options)
        frame = plain_frame(content)
        ours = decode_plain_jpeg(content, max_pixels=10**8, factor=factor)
        theirs = _with_pillow(content, frame, factor)
        assert ours.size == theirs.size == (-(-width // factor), -(-height // factor))
        assert np.array_equal(ours.pixels, theirs.pixels)


def test_what_has_no_scaled_copy():
    content = encoded(noise(64, 64), "JPEG", progressive=True)
    assert decode_scaled(content, plain_frame(content), 2) is None
    content = encoded(noise(64, 64), "JPEG")
    assert decode_scaled(content[:300], plain_frame(content), 2) is None
