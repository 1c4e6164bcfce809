"""`convatlas cost` as a person uses it."""

import csv
import io
import json

import pytest

from tests.cli.run import convatlas

NET = """
import torch
from torch import nn
from torch.nn import functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        rates = [x.item() for x in torch.linspace(0, 1, 3)]  # values while it is built
        self.kernel = nn.Parameter(torch.zeros(4, 3, 3, 3))
        self.linear = nn.Linear(4, int(rates[2]) + 1)

    def forward(self, x):
        return self.linear(torch.fft.fft(F.conv2d(x, self.kernel)).real.mean((2, 3)))

def make_net():
    return Net()

def make_pair():
    return Net(), Net()

def broken():
    raise RuntimeError("no weights today")

class Two(nn.Module):
    def forward(self, image, mask):
        return image * mask
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(NET)
    return path


def told(*arguments):
    return json.loads(convatlas("cost", *arguments, "--json").out)


def test_counts_of_a_variant():
    report = told("resnet20_cifar", "--batch", "4", "--dtype", "float16")
    assert (report["net"], report["params"], report["mult_adds"]) == (
        "resnet20_cifar", 269_722, 40_551_040,
    )  # fmt: skip
    assert report["weight_bytes"] == 2 * report["params"]
    last = report["rows"][-1]
    assert (last["name"], last["mult_adds"], last["receptive_field"]) == ("classifier", 640, 109)
    stages = {share["name"]: share["mult_adds_percent"] for share in report["by_stage"]}
    assert sum(stages.values()) == pytest.approx(100)


def test_conventions():
    plain, doubled, biased, thop = (
        told("resnet20_cifar", "--convention", name)["mult_adds"]
        for name in ("conv+linear", "doubled", "with-bias", "thop")
    )
    assert doubled == 2 * plain
    assert biased == plain + 10  # the classifier's biases: no convolution has one
    norms = sum(row["activations"] for row in told("resnet20_cifar")["rows"]
                if row["kind"] == "BatchNorm2d")  # fmt: skip
    assert thop == plain + 4 * norms + 64 * (8 * 8 + 1)


def test_several_nets_stand_side_by_side():
    both = told("lenet5", "resnet20_cifar")
    assert [report["net"] for report in both] == ["lenet5", "resnet20_cifar"]
    text = convatlas("cost", "lenet5", "resnet20_cifar").out
    assert text.index("lenet5") < text.index("resnet20_cifar")
    assert "269,722" in text


@pytest.mark.parametrize(
    ("options", "column", "rows"),
    [
        ([], "mult-adds", 2),
        (["--layers"], "operations/byte", 90),
        (["--by", "type"], "params %", 12),
    ],
)
def test_csv_is_read_by_a_spreadsheet(options, column, rows):
    text = convatlas("cost", "lenet5", "resnet20_cifar", "--csv", *options).out
    read = list(csv.DictReader(io.StringIO(text)))
    assert column in read[0]
    assert {row["net"] for row in read} == {"lenet5", "resnet20_cifar"}
    assert len(read) >= rows
    assert all(float(row["params"]) >= 0 for row in read)


def test_a_file_of_ones_own(file):
    report = told(f"{file}:make_net", "--input", "3x8x6")
    assert report["mult_adds"] == 4 * 27 * 6 * 4 + 8
    assert report["unknown"] == ["fft_fft (fft_fft)"]
    assert "fft_fft" in convatlas("cost", f"{file}:make_net", "--input", "3x8x6").out


def test_chart(tmp_path):
    page = tmp_path / "out.html"
    convatlas("cost", "resnet18", "vgg_a", "--chart", str(page))
    text = page.read_text()
    assert "resnet18" in text
    assert "1.81 G" in text  # mult-adds of resnet18


def test_training_doctor_and_accelerator_answer_together():
    report = told("resnet20_cifar", "--fits", "1GB", "--doctor", "--accelerator", "8x8")
    assert report["training"]["largest_batch"]["batch"] > 10
    assert report["doctor"]["findings"]
    assert report["accelerator"]["cycles"] > 40_551_040 / 64
    text = convatlas(
        "cost", "resnet20_cifar", "--train", "--doctor", "--accelerator", "8x8", "--layers"
    ).out
    for words in ("saved for the backward pass", "what to try", "Left out", "offset"):
        assert words in text


def test_memory_efficient_dense_layers_take_less():
    plain = told("densenet_bc_22_small", "--train", "--batch", "8")["training"]
    less = told("densenet_bc_22_small", "--train", "--batch", "8", "--memory-efficient")["training"]
    assert less["saved_bytes"] < plain["saved_bytes"]


def test_resolutions_of_mobilenet_v2():
    rows = told("mobilenet_v2", "--by", "resolution")["by_resolution"]
    assert [(row["height"], row["kept_channels"]) for row in rows][:2] == [(112, 16), (56, 24)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["resnet50", "--batch", "0"], ["batch=0", "1 or more"]),
        (["resnet50", "--dtype", "int4"], ["'int4'", "bfloat16"]),
        (["resnet50", "--convention", "macs"], ["'macs'", "thop"]),
        (["resnet50", "--input", "224"], ["'224'", "3x224x224"]),
        (["resnet50", "--input", "0x9x9"], ["'0x9x9'"]),
        (["lenet5", "--memory-efficient"], ["memory_efficient"]),
        (["alexnet", "--input", "3x99x150"], ["classifier.fc6", "9216"]),
        (["resnet50", "--accelerator", "fast"], ["'fast'", "8x8"]),
        (["resnet50", "--fits", "8"], ["'8'", "GB"]),
        (["resnet50", "--json", "--csv"], ["--json", "--csv"]),
        (["resnet50", "--csv", "--doctor"], ["--csv", "--json"]),
        (["resnet50", "--input", "3x64x64", "--side", "32"], ["--side 32", "3x64x64"]),
        (["resnet50", "--input", "1x64x64", "--channels", "3"], ["--channels 3", "1x64x64"]),
        (["lenet5", "--train", "--dtype", "int8"], ["'int8'", "bfloat16"]),
        (["nowhere.py:make"], ["'nowhere.py'"]),
    ],
)
def test_bad_input_is_quoted(arguments, words):
    found = convatlas("cost", *arguments, code=2)
    assert "Traceback" not in found.err
    assert not found.out  # no half of an answer
    assert all(word in found.err for word in words), found.err


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("", ["make_net", "which function"]),
        (":make_nett", ["'make_nett'", "make_net"]),
        (":make_pair", ["tuple", "torch.nn.Module"]),
        (":broken", ["no weights today"]),
        (":Two", ["image, mask"]),
        (":make_net --side 3", ["--input"]),
    ],
)
def test_a_file_that_makes_no_net(file, function, words):
    target, *options = f"{file}{function}".split()
    found = convatlas("cost", target, *options, code=2)
    assert all(word in found.err for word in words), found.err


def test_a_file_that_does_not_run(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text("import nosuchmodule\n")
    found = convatlas("cost", f"{path}:make", code=2)
    assert "nosuchmodule" in found.err


@pytest.mark.parametrize(
    "options", [["--optimizer", "adam"], ["--ema"], ["--autocast", "bfloat16"], ["--fits", "1GB"]]
)
def test_options_of_training_ask_for_training(options):
    assert told("lenet5", *options)["training"]["peak_bytes"] > 0


def test_nothing_is_written_for_a_question_without_an_answer(tmp_path):
    page = tmp_path / "costs.html"
    convatlas("cost", "lenet5", "--chart", str(page), "--json", "--csv", code=2)
    assert not page.exists()


def test_the_end_of_the_search_is_no_largest_batch():
    assert "or more" in convatlas("cost", "lenet5", "--fits", "1000TB").out
    assert "or more" not in convatlas("cost", "lenet5", "--fits", "10MB").out
