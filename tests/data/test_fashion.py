"""IDX files, where they are looked for, and fetching them from a server that misbehaves."""

import gzip
import struct
import threading
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convatlas.data import _download, _fashion, open_dataset
from convatlas.data._idx import decompressed, parse_idx
from convatlas.errors import UserError


def idx(array):
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def small_files(train=60, test=20):
    """The four files, by name, of a small data set of the same form."""
    rng = np.random.default_rng(0)
    files = {}
    for prefix, n in (("train", train), ("t10k", test)):
        files[f"{prefix}-images-idx3-ubyte"] = idx(rng.integers(0, 256, (n, 28, 28), np.uint8))
        files[f"{prefix}-labels-idx1-ubyte"] = idx((np.arange(n) % 10).astype(np.uint8))
    return files


def write(folder, files, compressed=True):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / (f"{name}.gz" if compressed else name)
        path.write_bytes(gzip.compress(content) if compressed else content)
    return folder


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """No data set installed on this machine, no network."""
    monkeypatch.setattr(_fashion, "SYSTEM_FOLDER", tmp_path / "system" / "fashion-mnist")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CONVATLAS_DATA", raising=False)
    monkeypatch.setattr(_fashion, "PUBLISHER", "http://127.0.0.1:9/")  # nobody listens
    return tmp_path


@pytest.mark.parametrize("place", ["system/fashion-mnist", "home/.cache/convatlas/fashion-mnist",
                                   "given/fashion-mnist", "given"])  # fmt: skip
@pytest.mark.parametrize("compressed", [True, False])
def test_found_where_it_lies(nowhere, monkeypatch, place, compressed):
    write(nowhere / place, small_files(), compressed)
    monkeypatch.setenv("CONVATLAS_DATA", str(nowhere / "given"))
    dataset = open_dataset("fashion-mnist")
    assert [len(split) for split in dataset.splits] == [50, 10, 20]  # one of each class is held out
    assert (dataset.channels, dataset.native_side, dataset.flip) == (1, 28, True)
    assert dataset.classes[0] == "T-shirt/top"
    assert dataset.test.names[3] == "test/00003"
    assert dataset.test.labels.tolist() == [i % 10 for i in range(20)]
    assert {name.split("/")[0] for name in (*dataset.train.names, *dataset.val.names)} == {"train"}
    images = small_files()["t10k-images-idx3-ubyte"][16:]
    assert b"".join(dataset.test.image(i).tobytes() for i in range(20)) == images


def test_files_that_do_not_belong_together(nowhere):
    folder, files = nowhere / "system" / "fashion-mnist", small_files()
    write(folder, {**files, "train-labels-idx1-ubyte": idx(np.zeros(7, np.uint8))})
    with pytest.raises(UserError, match=r"60 x 28 x 28 and .* 7 labels: they do not belong"):
        open_dataset("fashion-mnist")
    write(folder, {**files, "train-labels-idx1-ubyte": idx(np.full(60, 11, np.uint8))})
    with pytest.raises(
        UserError, match=r"holds the labels \[11\]; Fashion-MNIST has all of 0 to 9"
    ):
        open_dataset("fashion-mnist")


@pytest.mark.skipif(
    not (_fashion.SYSTEM_FOLDER / "train-images-idx3-ubyte.gz").is_file(),
    reason="the system's data set is not installed",
)
def test_system_files_have_the_hashes_that_downloads_are_held_to():
    from pathlib import Path

    folder = Path("/usr/share/datasets/fashion-mnist")
    for name, expected in _fashion.CONTENT_SHA256.items():
        assert sha256(decompressed(folder / f"{name}.gz")).hexdigest() == expected


@given(st.lists(st.integers(1, 5), min_size=3, max_size=3), st.sampled_from([1, 3]))
def test_idx_round_trip(shape, axes):
    array = np.arange(np.prod(shape[:axes]), dtype=np.uint8).reshape(shape[:axes])
    assert np.array_equal(parse_idx(idx(array), axes, "x"), array)


@given(st.binary(max_size=64), st.integers(0, 40), st.integers(0, 255))
def test_idx_of_any_other_bytes_is_refused(content, at, value):
    with pytest.raises(UserError, match="Get the file again"):
        parse_idx(b"\1" + content, 3, "x")
    good = bytearray(idx(np.zeros((2, 3, 4), np.uint8)))
    if at < 16 and good[at] != value:  # any other magic or length
        good[at] = value
        with pytest.raises(UserError, match="Get the file again"):
            parse_idx(bytes(good), 3, "x")
    with pytest.raises(UserError, match="Get the file again"):
        parse_idx(bytes(good[:at]), 3, "x") if at < 40 else parse_idx(bytes(good) + b"x", 3, "x")


def test_idx_messages():
    with pytest.raises(UserError, match=r"'x' starts with nothing; an IDX file of labels starts"):
        parse_idx(b"", 1, "x")
    with pytest.raises(UserError, match=r"'x' declares 4294967295 bytes and holds 3\. Get"):
        parse_idx(b"\0\0\x08\x01\xff\xff\xff\xffabc", 1, "x")
    with pytest.raises(UserError, match=r"'x' declares 0 bytes and holds 0\. Get"):
        parse_idx(b"\0\0\x08\x01\0\0\0\0", 1, "x")


def test_decompression_is_bounded(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(b"\0" * 10_000_000))
    with pytest.raises(UserError, match="holds more than 1,000,000 bytes, the limit"):
        decompressed(path, limit=1_000_000)
    for damage in (path.read_bytes()[:-9], b"\x1f\x8b\x08nonsense", b"\x1f\x8b"):
        path.write_bytes(damage)
        with pytest.raises(UserError, match="Cannot read"):
            decompressed(path)


@pytest.fixture
def server():
    """A publisher on this machine; `answers` maps a file's name to (status, length, content)."""
    answers = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, length, content = answers.get(self.path[1:], (404, 0, b""))
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    publisher = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    publisher.daemon_threads = False  # closing waits for every answer
    thread = threading.Thread(target=publisher.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{publisher.server_port}/", answers
    publisher.shutdown()
    thread.join()
    publisher.server_close()


@pytest.fixture
def published(server, monkeypatch):
    """The small data set, served with its right hashes."""
    url, answers = server
    files = small_files()
    for name, content in files.items():
        packed = gzip.compress(content)
        answers[f"{name}.gz"] = (200, len(packed), packed)
    monkeypatch.setattr(_fashion, "PUBLISHER", url)
    hashes = {name: sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(_fashion, "CONTENT_SHA256", hashes)
    return answers


def test_download_once(published, nowhere):
    heard = []
    first = open_dataset("fashion-mnist", progress=lambda *event: heard.append(event))
    assert {text for text, _, _ in heard} == {f"downloading {name}" for name in published}
    assert all(
        (f"downloading {name}", length, length) in heard
        for name, (_, length, _) in published.items()
    )
    published.clear()
    assert open_dataset("fashion-mnist").fingerprint == first.fingerprint
    folder = nowhere / "home/.cache/convatlas/fashion-mnist"
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{name}.gz" for name in _fashion.CONTENT_SHA256
    )


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda n, c: (200, n, gzip.compress(b"other")), "the connection ended after"),
        (lambda n, c: (200, n, c[: n // 2]), r"the connection ended after [\d,]+ of [\d,]+ bytes"),
        (lambda n, c: (200, n, bytes(n)), "gave other content than its publisher's"),
        (lambda n, c: (200, n - 9, c[:-9]), "gave other content than its publisher's"),
        (lambda n, c: (404, 0, b""), "404: Not Found"),
        (lambda n, c: (200, 2000, b"<html>" + bytes(1994)), "gave other content"),
    ],
)
def test_download_that_fails_leaves_nothing(published, nowhere, answer, message):
    name = "t10k-images-idx3-ubyte.gz"
    _, length, content = published[name]
    published[name] = answer(length, content)
    with pytest.raises(UserError, match=message) as raised:
        open_dataset("fashion-mnist")
    assert name in str(raised.value)
    assert "`apt install dataset-fashion-mnist`, or put the four files" in str(raised.value)
    folder = nowhere / "home/.cache/convatlas/fashion-mnist"
    assert [p for p in folder.iterdir() if p.name.startswith(("t10k-images", "."))] == []


def test_download_is_bounded(published, monkeypatch):
    monkeypatch.setattr(_download, "_MAX_BYTES", 5_000)
    with pytest.raises(UserError, match="more than 5,000 bytes, the limit"):
        open_dataset("fashion-mnist")


def test_without_a_network():
    with pytest.raises(
        UserError, match=r"Cannot download 'http://127\.0\.0\.1:9/train-images.*refus"
    ):
        open_dataset("fashion-mnist")


def test_without_a_home(monkeypatch):
    monkeypatch.delenv("HOME")
    monkeypatch.setattr(_fashion.Path, "home", lambda: (_ for _ in ()).throw(RuntimeError()))
    with pytest.raises(UserError, match=r"No home folder .* Set CONVATLAS_DATA"):
        open_dataset("fashion-mnist")
