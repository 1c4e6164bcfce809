"""Pickles read without the unpickler: the genuine ones, and those that would do something."""

import os
import pickle
import pickletools
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convatlas.data.formats._pickled import read_pickle
from convatlas.errors import UserError
from tests.data.layouts import pickled, pixels

CONTENT = {
    "batch_label": "training batch 1 of 5",
    "labels": [6, 9, 300, 70_000],
    "data": pixels(4),
    "filenames": [f"leptodactylus_s_{i:06d}.png" for i in range(300)],
}


def test_what_python_2_wrote_is_what_the_unpickler_would_give():
    content = pickled(CONTENT)
    found = read_pickle(content, "x")
    theirs = pickle.loads(content, encoding="latin-1")  # our own bytes: nothing foreign is run
    assert found.keys() == theirs.keys() == CONTENT.keys()
    for key, value in CONTENT.items():
        assert np.array_equal(found[key], value)
        assert np.array_equal(found[key], theirs[key])
    assert found["data"].dtype == np.uint8


def test_arrays_kept_by_columns():
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    content = pickled({"data": array})
    by_columns = content.replace(b"\x89U\x0c" + array.tobytes(), b"\x88U\x0c" + array.T.tobytes())
    assert by_columns != content
    assert np.array_equal(read_pickle(by_columns, "x")["data"], array)


def refusal(content):
    with pytest.raises(UserError) as raised:
        read_pickle(content, "data_batch_1")
    text = str(raised.value)
    assert text.startswith("'data_batch_1' is no pickle that is read here: ")
    assert text.endswith("as CIFAR's publisher wrote them. Get the file again.")
    assert len(text) < 500
    return text.split(": ", 1)[1]


class Nasty:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "nasty",
    [
        Nasty(os.system, "touch HERE"), Nasty(eval, "open('HERE', 'w')"),
        Nasty(getattr, "", "join"), {"data": Nasty(os.remove, "HERE")},
    ],
)  # fmt: skip
def test_nothing_is_called(tmp_path, monkeypatch, nasty, protocol):
    monkeypatch.chdir(tmp_path)
    refusal(pickle.dumps(nasty, protocol))
    assert list(tmp_path.iterdir()) == []


def test_names_are_not_looked_up():
    told = refusal(b"\x80\x02cposix\nsystem\nq\x01U\x02lsq\x02\x85R.")
    assert "it asks for 'posix.system', which is not made" in told
    known = b"\x80\x02cnumpy\ndtype\n"
    assert "arguments" not in refusal(known + b"U\x02O8K\x00K\x01\x87R.")
    assert "other values than unsigned bytes" in refusal(known + b"U\x02O8K\x00K\x01\x87R.")
    assert "no constructor" in refusal(b"\x80\x02cnumpy\nndarray\n)R.")
    assert "no constructor" in refusal(b"\x80\x02U\x01xU\x01y\x85R.")
    assert "array in an unknown way" in refusal(
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x05\x85U\x01b\x87R."
    )
    assert "sets the state of something that has none" in refusal(b"\x80\x02}}b.")
    for opcode in (b"i", b"o", b"\x81", b"\x93", b"P1\n", b"Q", b"\x82\x01", b"\x97"):
        content = b"\x80\x02(U\x05posixU\x06system" + opcode
        content += b"posix\nsystem\n." if opcode == b"i" else b"."
        assert "it uses the opcode" in refusal(content)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ((b"K\x02\x86", b"K\x03\x86"), "its array declares 3 x 3 bytes and holds 6"),
        ((b"K\x02\x86", b"J\xff\xff\xff\x7f\x86"), "declares 3 x 2147483647 bytes and holds 6"),
        ((b"K\x02\x86", b"J\xff\xff\xff\xff\x86"), "not one of unsigned bytes"),
        ((b"K\x02\x86", b"\x88\x86"), "not one of unsigned bytes"),
        ((b"tb\x89", b"tbN"), "not one of unsigned bytes"),
        ((b"(K\x01K\x03", b"(K\x02K\x03"), "is not NumPy's"),
        ((b"cnumpy\ndtype", b"cnumpy\nvoid"), "it asks for 'numpy.void'"),
    ],
)
def test_states_of_arrays(change, words):
    content = pickled({"data": np.zeros((3, 2), np.uint8)})
    assert content.count(change[0]) == 1
    assert words in refusal(content.replace(*change))


def test_sizes_are_believed_only_as_far_as_the_file_reaches():
    tracemalloc.start()
    for start in (
        b"T\xff\xff\xff\x7f", b"T\xff\xff\xff\xff", b"X\xff\xff\xff\x7f",
        b"\x8b\xff\xff\xff\x7f", b"\x8d" + b"\xff" * 8, b"B\xff\xff\xff\xff",
    ):  # fmt: skip
        refusal(b"\x80\x02" + start + b"abc.")
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_one_text_does_not_become_many_arrays():
    once = pickled({"a": np.zeros((100, 100), np.uint8)})
    start = once.index(b"cnumpy.core")
    end = once.index(b"T\x10\x27\x00\x00")  # the text itself, put in memory behind
    number = once[end + 5 + 10_000 : -4]
    again = once[start:end] + b"j" + struct.pack("<I", number[1]) + b"tb"
    content = once[:-2] + b"".join(b"U\x01%c" % (98 + i) + again for i in range(20)) + b"u."
    assert "its arrays hold more bytes than the file" in refusal(content)


def test_what_is_nested_deeply_ends():
    deep = 60_000
    refusal(b"\x80\x02" + b")" + b"\x85" * deep + b".")
    refusal(b"\x80\x02" + b"(" * deep + b".")
    refusal(b"\x80\x02}" + b")" + b"\x85" * deep + b"K\x01s.")  # a key that is hard to hash
    nested = read_pickle(b"\x80\x02}U\x01a)" + b"\x85" * deep + b"s.", "x")
    assert len(nested["a"]) == 1
    refusal(b"\x80\x02(" + b"cnumpy\nndarray\n" + b")" + b"\x85" * deep + b"U\x01b\x87R.")


def test_a_list_that_holds_itself():
    found = read_pickle(b"\x80\x02}q\x00U\x01a]q\x01h\x01as.", "x")
    assert found["a"][0] is found["a"]


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_pickles_are_refused_or_read_as_plain_values(data):
    content = bytearray(pickled({**CONTENT, "data": pixels(1)[:, :50], "filenames": ["a", "b"]}))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        found = read_pickle(content, "x")
    except UserError:
        return
    assert all(type(key) is str for key in found)


STEPS = [
    *(op.code.encode("latin-1") for op in pickletools.opcodes),
    *(b"K\x01", b"U\x01a", b"q\x00", b"h\x00", b"cnumpy\ndtype\n", b"cnumpy\nndarray\n"),
]


@given(st.lists(st.sampled_from(STEPS)))
@settings(max_examples=300, deadline=None)
def test_any_program_of_opcodes_is_refused_or_read(opcodes):
    try:
        found = read_pickle(b"".join(opcodes) + b".", "x")
    except UserError:
        return
    assert isinstance(found, dict)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_refused_or_read(content):
    try:
        read_pickle(content, "x")
    except UserError:
        return
