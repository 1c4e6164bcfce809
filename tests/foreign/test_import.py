"""From a library's checkpoint to a bundle that the other commands use as they use their own."""

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from convatlas import bundle
from convatlas.errors import UserError
from convatlas.foreign import (
    _choice,
    convert,
    import_checkpoint,
    net_for,
    read_checkpoint,
    sources,
    ways_to_import,
)
from tests.cli.run import convatlas
from tests.foreign.files import WRITERS, pth, safetensors, their_net, their_state
from tests.peers.peer import peer


def picture(path: Path, side: int = 300, seed: int = 0) -> Path:
    """Smooth noise: a photo's low frequencies, so that resizing matters."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(path)
    return path


def their_probabilities(name: str, image: Path) -> Tensor:
    """What torchvision's own transforms and net say."""
    weights = next(iter(peer("torchvision.models").get_model_weights(name)))
    batch = weights.transforms()(Image.open(image))[None]
    with torch.no_grad():
        return their_net(name)(batch).softmax(1)[0]


@pytest.mark.parametrize(
    ("variant", "name"), [("resnet18", "resnet18"), ("squeezenet_1_1", "squeezenet1_1")]
)
@pytest.mark.parametrize("file", ["x.safetensors", "x.pth"])
def test_predictions_are_torchvisions(tmp_path, variant, name, file):
    path, out = WRITERS[file](tmp_path / file, their_state(name)), tmp_path / "x.bundle"
    whose = ["--library", "torchvision"]
    convatlas("import", str(path), "--as", variant, *whose, "-o", str(out))
    image = picture(tmp_path / "x.png")
    found = json.loads(convatlas("predict", str(out), str(image), "--top", "1000", "--json").out)
    ours = {answer["class"]: answer["probability"] for answer in found[0]["classes"]}
    theirs = their_probabilities(name, image)
    assert len(ours) == 1000
    largest = max(abs(ours[f"class {i}"] - float(p)) for i, p in enumerate(theirs))
    assert largest <= 1e-4 * float(theirs.max())


def test_fine_tuned_for_a_persons_classes(tmp_path):
    """Number of classes from the file, names from a list; evaluated and exported."""
    state = their_state("shufflenet_v2_x0_5", num_classes=3)
    path = pth(tmp_path / "animals.pth", {"epoch": 9, "model": state})
    (tmp_path / "names.txt").write_text("cat\ncow\nyak\n")
    for seed, split in enumerate(("train", "test")):
        for place, name in enumerate(("cat", "cow", "yak")):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for i in range(4):
                picture(folder / f"{i}.png", 40, seed=12 * seed + 4 * place + i)
    words = ["--as", "shufflenet_v2_x0_5", "--classes", str(tmp_path / "names.txt"), "--json"]
    made = json.loads(convatlas("import", str(path), *words).out)
    assert made["bundle"] == str(tmp_path / "animals.bundle")
    assert (made["classes"], made["taken_from"]) == (3, "model")
    info = bundle.load(tmp_path / "animals.bundle").info
    assert info.classes == ["cat", "cow", "yak"]
    assert (info.family, info.spec["num_classes"]) == ("shufflenet_v2", 3)
    (step,) = info.history
    assert (step["step"], step["library"], step["file"]) == ("import", "torchvision", "animals.pth")
    convatlas("export", made["bundle"])
    scores = [
        json.loads(convatlas("evaluate", str(model), str(tmp_path / "photos"), "--json").out)
        for model in (made["bundle"], tmp_path / "animals.onnx")
    ]
    assert [score["n"] for score in scores] == [12, 12]
    assert scores[0]["loss"] == pytest.approx(scores[1]["loss"], rel=1e-4)


@pytest.mark.parametrize(("asked", "library"), [(None, "torchvision"), ("timm", "timm")])
def test_names_from_before_2018_and_without_counters(tmp_path, asked, library):
    """torchvision's files of DenseNet say norm.1 where its net says norm1; timm reads them too."""
    state = their_state("densenet121", num_classes=2)
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", name): value
        for name, value in state.items()
        if not name.endswith("num_batches_tracked")
    }
    assert len(old.keys() - state.keys()) > 100
    made = import_checkpoint(
        pth(tmp_path / "x.pth", old), tmp_path / "x.bundle", variant="densenet121", library=asked
    )
    assert made.source.library == made.info.history[0]["library"] == library
    net, _ = net_for("densenet121", made.source, num_classes=2)
    wanted = convert(state, net, made.source)
    found = bundle.load(made.path).net.state_dict()
    assert all(torch.equal(found[name], value) for name, value in wanted.items())


def test_half_precision_becomes_single(tmp_path):
    state = {name: value.half() for name, value in their_state().items()}
    made = import_checkpoint(
        safetensors(tmp_path / "x.safetensors", state),
        tmp_path / "x.bundle",
        variant="squeezenet_1_1",
    )
    weights = bundle.load(made.path).net.state_dict()
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    assert torch.equal(weights["stem.conv.weight"], state["features.0.weight"].float())


def refused(tmp_path: Path, state: dict[str, Tensor], variant: str = "squeezenet_1_1") -> str:
    """The message; no bundle is left."""
    path, out = pth(tmp_path / "x.pth", state), tmp_path / "x.bundle"
    with pytest.raises(UserError) as raised:
        import_checkpoint(path, out, variant=variant)
    assert not out.exists()
    return str(raised.value)


def test_a_mismatch_names_tensors_both_shapes_and_why(tmp_path):
    state = their_state()
    del state["features.3.squeeze.bias"]
    state["features.0.weight"] = torch.zeros(64, 1, 3, 3)
    state["extra.weight"] = torch.zeros(5, 4)
    told = refused(tmp_path, state)
    for words in (
        str(tmp_path / "x.pth"),
        "'squeezenet_1_1' (torchvision's squeezenet1_1)",
        "3 tensors do not agree",
        "features.0.weight: 64x1x3x3 in the file, 64x3x3x3 in the net",
        "features.3.squeeze.bias: 16 in the net, missing in the file",
        "extra.weight: 5x4 in the file, not in the net",
    ):
        assert words in told


def test_a_long_mismatch_is_ten_tensors_and_a_count(tmp_path):
    told = refused(tmp_path, their_state("squeezenet1_0"), "densenet121")
    assert told.count("in the net") == 10
    assert re.search(r"; and \d+ more\.", told)
    total = int(re.search(r"(\d+) tensors do not agree", told)[1])
    assert total == 10 + int(re.search(r"and (\d+) more", told)[1])


def test_names_in_a_mismatch_cannot_steer_the_terminal(tmp_path):
    told = refused(tmp_path, {**their_state(), "a\x1b[2J": torch.ones(1)})
    assert "a?[2J: 1 in the file" in told


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.full((64, 3, 3, 3), float("nan")), "not finite (for stem.conv.weight)"),
        (torch.full((64, 3, 3, 3), float("inf")), "not finite"),
        (torch.ones(64, 3, 3, 3, dtype=torch.int8), "features.0.weight holds int8 values"),
        (torch.ones(64, 3, 3, 3, dtype=torch.complex64), "holds complex64 values"),
    ],
)
def test_values_that_are_no_weights(tmp_path, value, words):
    assert words in refused(tmp_path, {**their_state(), "features.0.weight": value})


@pytest.mark.parametrize(("classes", "words"), [(0, "num_classes=0"), (100_001, "100000 items")])
def test_a_last_layer_of_no_or_too_many_classes(tmp_path, classes, words):
    zero = torch.zeros(1)
    last = {"weight": zero.expand(classes, 512, 1, 1), "bias": zero.expand(classes)}
    state = {**their_state(), **{f"classifier.1.{name}": value for name, value in last.items()}}
    assert words in refused(tmp_path, state)


def test_an_expanded_tensor_takes_no_memory_before_it_is_refused(tmp_path):
    huge = torch.ones(1).expand(1 << 40)
    assert "1099511627776 in the file" in refused(tmp_path, {**their_state(), "a": huge})


def test_without_as_every_net_that_fits_is_a_command_that_works(tmp_path):
    path = pth(tmp_path / "my net.pth", their_state("squeezenet1_1", num_classes=2))
    names = tmp_path / "names"
    names.write_text("cat\nyak\n")
    told = convatlas("import", str(path), "--classes", str(names), code=2).err
    commands = [shlex.split(line) for line in told.splitlines() if line.startswith("  convatlas")]
    assert [command[4] for command in commands] == ["squeezenet_1_1"]
    assert "say which net it is" in told
    for command in commands:
        convatlas(*command[1:])
        assert bundle.load(Path(command[-1])).info.classes == ["cat", "yak"]
    told = convatlas("import", str(path), "--library", "timm", code=2).err
    assert "fits none of the nets" in told


def test_a_file_that_fits_several_lists_them_all(tmp_path, monkeypatch):
    """Where libraries would prepare images otherwise, each has its command."""
    (source,) = [s for s in sources() if "squeezenet_1_1" in s.variants]
    both = (source, replace(source, library="timm", crop_share=1.0))
    checkpoint = read_checkpoint(pth(tmp_path / "x.pth", their_state()))
    out = tmp_path / "out.bundle"
    for known, options in (
        (both, ["--library torchvision ", "--library timm "]),
        ((source, replace(source, library="timm")), [""]),
    ):
        monkeypatch.setattr(_choice, "sources", lambda known=known: known)
        told = ways_to_import(checkpoint, out).splitlines()
        assert told[1:] == [
            f"  convatlas import {tmp_path}/x.pth --as squeezenet_1_1 {whose}--out {out}"
            for whose in options
        ]


def test_libraries_that_prepare_images_otherwise_must_be_named(tmp_path, monkeypatch):
    (source,) = [s for s in sources() if "squeezenet_1_1" in s.variants]
    other = replace(source, library="timm", crop_share=1.0)
    monkeypatch.setattr(_choice, "sources_of", lambda variant: (source, other))
    told = refused(tmp_path, their_state())
    assert "--library torchvision or --library timm" in told
    path = pth(tmp_path / "x.pth", their_state())
    made = import_checkpoint(path, tmp_path / "x.bundle", variant="squeezenet_1_1", library="timm")
    assert made.preprocessing.crop_share == 1.0


def test_a_file_that_fits_nothing_tells_the_nearest(tmp_path):
    state = their_state()
    del state["features.0.bias"]
    told = convatlas("import", str(pth(tmp_path / "x.pth", state)), code=2).err
    assert "fits none of the" in told
    assert "Nearest: squeezenet_1_1 (torchvision's squeezenet1_1), 1 tensors differ" in told
    assert "features.0.bias: 64 in the net, missing in the file" in told


def test_names_of_no_library_are_said(tmp_path):
    state = {f"encoder.{i}.w": torch.ones(2, 2) for i in range(9)}
    told = ways_to_import(read_checkpoint(pth(tmp_path / "x.pth", state)), tmp_path)
    assert "(encoder.0.w, encoder.1.w, encoder.2.w, ...) are neither torchvision's nor" in told


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ("densenet12I", ["'densenet12I'", "densenet121"]),
        ("mobilenetv2_100", ["timm's mobilenetv2_100 is our 'mobilenet_v2'"]),
        ("resnet50", ["torchvision's resnet50 is our 'resnet50_v15'"]),
        ("lenet5", ["No library has a net that equals our 'lenet5'", "squeezenet_1_1"]),
    ],
)
def test_names_that_cannot_be_imported(tmp_path, variant, words):
    told = refused(tmp_path, their_state(), variant)
    assert all(word in told for word in words), told


def test_a_library_without_the_net(tmp_path):
    path = pth(tmp_path / "x.pth", their_state())
    told = convatlas("import", str(path), "--as", "squeezenet_1_1", "--library", "timm", code=2).err
    assert "timm has no net that equals 'squeezenet_1_1'; torchvision has" in told


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a\nb\n", "2 class names for"),
        (b"a\nb\na\n", "line 3 repeats 'a' of line 1"),
        (b"a\n\nb\n", "line 2 is empty"),
        (b"\xff\xfe\x00", "is no list of class names"),
        (b"x" * 9_000_000, "more than 8,388,608 bytes"),
        (b"a\nb\n" + b"c" * 2000, "at most 1000 characters"),
    ],
)
def test_class_names_that_do_not_fit(tmp_path, content, words):
    path = pth(tmp_path / "x.pth", their_state("squeezenet1_1", num_classes=3))
    names = tmp_path / "names.txt"
    names.write_bytes(content)
    told = convatlas(
        "import", str(path), "--as", "squeezenet_1_1", "--classes", str(names), code=2
    ).err
    assert words in told
    assert not (tmp_path / "x.bundle").exists()


def test_another_directory_is_not_overwritten(tmp_path):
    path = pth(tmp_path / "x.pth", their_state())
    out = tmp_path / "x.bundle"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    told = convatlas("import", str(path), "--as", "squeezenet_1_1", code=2).err
    assert "holds other files than a bundle's" in told
    assert (out / "thesis.txt").read_text() == "years of work"


def test_averaged_weights_left_out_are_said(tmp_path):
    state = their_state()
    path = pth(tmp_path / "x.pth", {"model": state, "model_ema": state})
    ran = convatlas("import", str(path), "--as", "squeezenet_1_1")
    assert "the file holds 'model_ema' as well; taken was 'model'" in ran.err
    assert "squeezenet_1_1 (torchvision's squeezenet1_1)" in ran.out
    assert "224 pixels cut from 256" in ran.out
