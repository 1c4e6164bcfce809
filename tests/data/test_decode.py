"""Odd and hostile image files: a picture or a reason, never a crash, a wait or a warning."""

import os
import resource
import socket
import struct
import time
import zlib

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from PIL import Image

from convatlas.data._decode import MAX_PIXELS, Undecodable, decode, read_content, read_picture
from tests.data.images import encoded, noise


def png_chunk(kind, content):
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def blank_png(width, height):
    """A valid, tiny file of a blank 1-bit image, however large."""
    row = b"\0" * (1 + (width + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", data) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def one(image, file_format="PNG", **options):
    """The decoded value of the first pixel."""
    return np.asarray(decode(encoded(image, file_format, **options)).image)[0, 0].tolist()


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM"])
def test_allowed_formats(file_format):
    picture = decode(encoded(noise(20, 10), file_format))
    assert picture.size == (20, 10)
    assert picture.image.mode == "RGB"
    assert picture.pixels.shape == (10, 20, 3)


def test_other_formats_are_refused_with_the_list_of_allowed_ones():
    with pytest.raises(Undecodable, match=r"allowed format \(JPEG, PNG, WebP, BMP, GIF, TIFF"):
        decode(encoded(noise(4, 4), "PCX"))


def test_transparency_is_laid_over_white():
    red = (200, 0, 0)
    assert one(Image.new("RGBA", (2, 2), (*red, 255))) == [200, 0, 0]
    assert one(Image.new("RGBA", (2, 2), (*red, 0))) == [255, 255, 255]
    half = one(Image.new("RGBA", (2, 2), (*red, 51)))  # a fifth of red, four fifths of white
    assert half == [244, 204, 204]
    assert one(Image.new("LA", (2, 2), (100, 0))) == 255
    assert one(Image.new("LA", (2, 2), (100, 255))) == 100


def test_transparent_colour_and_palette_are_laid_over_white():
    assert one(Image.new("RGB", (2, 2), (1, 2, 3)), transparency=(1, 2, 3)) == [255] * 3
    assert one(Image.new("L", (2, 2), 7), transparency=7) == 255
    palette = Image.new("P", (2, 2), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    assert one(palette) == [10, 20, 30]
    assert one(palette, transparency=1) == [255] * 3
    assert one(palette, transparency=b"\xff\x00") == [255] * 3  # Pillow warns where it converts
    assert one(palette, "GIF", transparency=1) == [255] * 3


def test_sixteen_bits_become_eight_by_dropping_the_low_ones():
    deep = np.array([[0x1234, 0xFFFF], [0x00FF, 0x8000]], np.uint16)
    for file_format in ("PNG", "TIFF"):
        picture = decode(encoded(Image.fromarray(deep), file_format))
        assert picture.stored_mode == "I;16"
        assert picture.pixels.tolist() == [[0x12, 0xFF], [0x00, 0x80]]
    portable = b"P5 2 2 65535\n" + deep.astype(">u2").tobytes()
    assert decode(portable).pixels.tolist() == [[0x12, 0xFF], [0x00, 0x80]]


def test_other_modes():
    assert one(Image.new("1", (9, 9), 1)) == 255
    assert one(Image.new("CMYK", (8, 8), (0, 0, 0, 0)), "TIFF") == [255, 255, 255]
    assert one(Image.new("CMYK", (8, 8), (0, 0, 0, 255)), "JPEG") == [0, 0, 0]
    assert decode(encoded(Image.new("CMYK", (8, 8)), "JPEG")).stored_mode == "CMYK"
    with pytest.raises(Undecodable, match="floating-point pixels have no fixed range"):
        decode(encoded(Image.new("F", (2, 2)), "TIFF"))


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime", "blue")]
    for file_format in ("GIF", "WEBP", "PNG", "TIFF"):
        content = encoded(
            frames[0], file_format, save_all=True, append_images=frames[1:],
            **({"lossless": True} if file_format == "WEBP" else {}),
        )  # fmt: skip
        assert decode(content).pixels[0, 0].tolist() == [255, 0, 0], file_format


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_applied(orientation, file_format):
    upright = np.zeros((48, 64), np.uint8)
    upright[:24, :32] = 250  # bright top left, dim top right
    upright[:24, 32:] = 120
    turn = {
        1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1], 5: lambda a: a.T, 6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].T, 8: lambda a: np.rot90(a, -1),
    }  # fmt: skip
    stored = Image.fromarray(np.ascontiguousarray(turn[orientation](upright))).convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(encoded(stored, file_format, exif=exif))
    assert picture.size == (64, 48)
    assert abs(picture.pixels[..., 0].astype(int) - upright).max() < 40


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_orientation_that_does_not_exist_is_ignored(value):
    exif = Image.Exif()
    exif[0x0112] = value
    assert decode(encoded(noise(20, 10), "JPEG", exif=exif)).size == (20, 10)


def test_damaged_exif_does_not_spoil_the_pixels():
    for damage in (b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0nonsense", b"Exif\0\0"):
        content = encoded(noise(20, 10), "JPEG")
        segment = b"\xff\xe1" + struct.pack(">H", len(damage) + 2) + damage
        assert decode(content[:2] + segment + content[2:]).size == (20, 10)


FORMATS_WITH_ENDS = ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM"]


@pytest.mark.parametrize("file_format", FORMATS_WITH_ENDS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_file_is_found(file_format, share):
    content = encoded(noise(200, 150), file_format)
    with pytest.raises(Undecodable):
        decode(content[: int(len(content) * share)])


def test_what_is_no_image():
    for content, reason in (
        (b"", "empty"),
        (b"This is text.\n" * 9, "no image in an allowed format"),
        (b"<!DOCTYPE html><html></html>", "no image in an allowed format"),
        (b"\xff\xd8\xff", "."),
        (b"P5 0 0 255\n", "."),
    ):
        with pytest.raises(Undecodable, match=reason):
            decode(content)


def test_bombs_are_refused_before_decoding():
    content = blank_png(30_000, 30_000)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    with pytest.raises(Undecodable, match="100,000,000 pixels, the limit"):
        decode(content)
    with pytest.raises(Undecodable, match=r"10001 x 10000 is 100,010,000 pixels; the limit is 100"):
        decode(blank_png(10_001, 10_000))
    with pytest.raises(Undecodable, match="100,000,000 pixels, the limit"):
        decode(b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"," + b"\0" * 20)
    assert time.monotonic() - start < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB
    assert MAX_PIXELS == 100_000_000


def test_between_pillows_warning_and_our_limit_nothing_is_said():
    assert decode(blank_png(9_500, 9_500)).size == (9_500, 9_500)  # warnings are errors here


def test_text_bomb_in_a_png():
    content = encoded(noise(4, 4), "PNG")
    text = b"Comment\0\0" + zlib.compress(b"\0" * (64 << 20))
    with pytest.raises(Undecodable, match="too large"):
        decode(content[:33] + png_chunk(b"zTXt", text) + content[33:])


def test_jpeg_of_thousands_of_scans():
    content = encoded(noise(16, 16), "JPEG", progressive=True)
    with pytest.raises(Undecodable, match="more than 100 scans"):
        decode(content[:-2] + b"\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00" * 10_000 + b"\xff\xd9")


def test_extreme_shapes():
    assert decode(encoded(noise(1, 1), "PNG")).size == (1, 1)
    assert decode(encoded(noise(20_000, 2), "PNG")).size == (20_000, 2)


def test_files_that_are_no_files(tmp_path):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "nowhere.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    with socket.socket(socket.AF_UNIX) as endpoint:
        endpoint.bind(os.path.relpath(tmp_path / "socket.jpg"))
        for name, reason in (
            ("empty.jpg", r"empty \(0 bytes\)"),
            ("folder.jpg", "directory"),
            ("pipe.jpg", "not a regular file"),
            ("nowhere.jpg", "a link to a file that does not exist"),
            ("loop.jpg", "too many levels of symbolic links"),
            ("socket.jpg", "."),
            ("absent.jpg", "no such file"),
        ):
            with pytest.raises(Undecodable, match=reason):
                read_picture(str(tmp_path / name))


def test_file_that_is_too_long_is_not_read(tmp_path):
    path = tmp_path / "long.jpg"
    with path.open("wb") as file:
        file.truncate(600 << 20)  # sparse
    with pytest.raises(Undecodable, match=r"629,145,600 bytes; the limit is 536,870,912"):
        read_content(str(path))


def test_name_that_is_not_utf8(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff\xfe.png"
    with open(path, "wb") as file:
        noise(5, 4).save(file, "PNG")
    assert read_picture(os.fsdecode(path)).size == (5, 4)


SEEDS = [
    encoded(noise(24, 17, seed=number), file_format, **options)
    for number, (file_format, options) in enumerate(
        [("JPEG", {}), ("JPEG", {"progressive": True}), ("PNG", {}), ("GIF", {}), ("WEBP", {}),
         ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"}), ("PPM", {})]
    )
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=4))),
       st.integers(1, 4000))  # fmt: skip
def test_damaged_files_give_a_picture_or_a_reason(content, changes, length):
    damaged = bytearray(content[:length])
    for position, patch in changes:
        at = position % (len(damaged) + 1)
        damaged[at : at + len(patch)] = patch
    try:
        picture = decode(bytes(damaged))
    except Undecodable as error:
        event(str(error)[:30])
        return
    assert picture.pixels.dtype == np.uint8
    assert picture.image.mode in ("L", "RGB")
    assert len(picture.image.tobytes()) == picture.pixels.nbytes
