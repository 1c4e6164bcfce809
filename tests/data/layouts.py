"""Files of published data sets, written in the genuine layout."""

import struct

import numpy as np

PLANES = 3072


def idx(array):
    header = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.tobytes()


def pixels(n, seed=0):
    """n images of CIFAR's form: rows of red, green and blue planes."""
    return np.random.default_rng(seed).integers(0, 256, (n, PLANES), np.uint8)


CIFAR10 = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
]  # fmt: skip
CIFAR100 = [f"thing_{i:02d}" for i in range(100)]


def binary10(rows, labels):
    return np.column_stack([np.array(labels, np.uint8), rows]).tobytes()


def binary100(rows, fine):
    coarse = [label // 5 for label in fine]
    return np.column_stack([np.array(coarse, np.uint8), np.array(fine, np.uint8), rows]).tobytes()


class Python2:
    """What Python 2's cPickle writes by protocol 2: the opcodes of CIFAR's python version."""

    def __init__(self):
        self.count = 0

    def file(self, value):
        return b"\x80\x02" + self.value(value) + b"."

    def put(self):
        self.count += 1
        if self.count < 256:
            return b"q" + bytes([self.count])
        return b"r" + struct.pack("<I", self.count)

    def value(self, value):
        if isinstance(value, np.ndarray):
            return self.array(value)
        if isinstance(value, dict):
            start = b"}" + self.put() + b"("
            return start + b"".join(self.value(k) + self.value(v) for k, v in value.items()) + b"u"
        if isinstance(value, list):
            return b"]" + self.put() + b"(" + b"".join(map(self.value, value)) + b"e"
        if isinstance(value, int):
            if 0 <= value < 256:
                return b"K" + bytes([value])
            if 0 <= value < 65536:
                return b"M" + struct.pack("<H", value)
            return b"J" + struct.pack("<i", value)
        return self.text(value.encode())

    def text(self, raw):
        if len(raw) < 256:
            return b"U" + bytes([len(raw)]) + raw + self.put()
        return b"T" + struct.pack("<i", len(raw)) + raw + self.put()

    def array(self, array):
        made = (
            b"cnumpy.core.multiarray\n_reconstruct\n" + self.put()
            + b"cnumpy\nndarray\n" + self.put()
            + b"K\x00\x85" + self.put() + self.text(b"b") + b"\x87" + self.put() + b"R" + self.put()
        )  # fmt: skip
        kind = (
            b"cnumpy\ndtype\n" + self.put() + self.text(b"u1") + b"K\x00K\x01\x87" + self.put()
            + b"R" + self.put() + b"(K\x03" + self.text(b"|")
            + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        )  # fmt: skip
        shape = b"".join(map(self.value, array.shape)) + b"\x86" + self.put()
        return made + b"(K\x01" + shape + kind + b"\x89" + self.text(array.tobytes()) + b"tb"


def pickled(value):
    return Python2().file(value)


def write_cifar10(folder, form, sizes=(30, 20), test=10, classes=10):
    """The data set in the "binary" or "python" form; the rows of every batch by its name."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = {f"data_batch_{i}": pixels(n, i) for i, n in enumerate(sizes, 1)}
    rows["test_batch"] = pixels(test, 99)
    for name, each in rows.items():
        labels = [i % classes for i in range(len(each))]
        if form == "binary":
            (folder / f"{name}.bin").write_bytes(binary10(each, labels))
        else:
            names = [f"{CIFAR10[label]}_s_{i:06d}.png" for i, label in enumerate(labels)]
            content = {
                "batch_label": name, "labels": labels, "data": each, "filenames": names,
            }  # fmt: skip
            (folder / name).write_bytes(pickled(content))
    if form == "binary":
        (folder / "batches.meta.txt").write_text("\n".join(CIFAR10) + "\n\n")
    else:
        meta = {"num_cases_per_batch": 10000, "label_names": CIFAR10, "num_vis": PLANES}
        (folder / "batches.meta").write_bytes(pickled(meta))
    return rows


def write_cifar100(folder, form, train=300, test=100):
    folder.mkdir(parents=True, exist_ok=True)
    rows = {"train": pixels(train, 1), "test": pixels(test, 2)}
    coarse = [f"kind_{i}" for i in range(20)]
    for name, each in rows.items():
        fine = [i % 100 for i in range(len(each))]
        if form == "binary":
            (folder / f"{name}.bin").write_bytes(binary100(each, fine))
        else:
            content = {
                "filenames": [f"x_s_{i:06d}.png" for i in range(len(each))],
                "batch_label": name, "fine_labels": fine,
                "coarse_labels": [label // 5 for label in fine], "data": each,
            }  # fmt: skip
            (folder / name).write_bytes(pickled(content))
    if form == "binary":
        (folder / "fine_label_names.txt").write_text("\n".join(CIFAR100) + "\n")
        (folder / "coarse_label_names.txt").write_text("\n".join(coarse) + "\n")
    else:
        meta = {"fine_label_names": CIFAR100, "coarse_label_names": coarse}
        (folder / "meta").write_bytes(pickled(meta))
    return rows
