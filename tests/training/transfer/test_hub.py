"""Weights from a repository: by a stand-in for the hub's client, and by the client, offline."""

import hashlib
import json
import sys
from types import SimpleNamespace

import pytest
import torch

from convatlas import bundle
from convatlas.errors import UserError
from convatlas.training.transfer import donor_of
from convatlas.training.transfer._hub import place_of
from tests.foreign.files import pth, safetensors, their_state
from tests.training.transfer.made import write_bundle

COMMIT = "a3" * 20
NET = "squeezenet_1_1"


class RevisionNotFoundError(OSError):
    pass


class Hub:
    """What of huggingface_hub is used, over a folder per revision."""

    def __init__(self, root, *, moved_to=COMMIT):
        self.root, self.branch, self.calls, self.sums = root, {"main": moved_to}, [], {}

    def HfApi(self):  # noqa: N802  the client's own name
        return SimpleNamespace(model_info=self.model_info)

    def model_info(self, repository, *, revision, files_metadata):
        self.calls.append((repository, revision))
        commit = self.branch.get(revision or "main", revision)
        if not (self.root / commit).is_dir():
            raise RevisionNotFoundError(f"no {revision}")
        return SimpleNamespace(
            sha=commit,
            siblings=[
                SimpleNamespace(
                    rfilename=file.name,
                    size=file.stat().st_size,
                    lfs=SimpleNamespace(sha256=self.sums[file.name])
                    if file.name in self.sums
                    else None,
                )
                for file in sorted((self.root / commit).iterdir())
            ],
        )

    def hf_hub_download(self, repository, file, *, revision):
        assert revision == COMMIT, "a branch moves: only a commit may be fetched"
        self.calls.append((repository, file))
        return str(self.root / revision / file)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    (tmp_path / "hub" / COMMIT).mkdir(parents=True)
    made = Hub(tmp_path / "hub")
    monkeypatch.setitem(sys.modules, "huggingface_hub", made)
    return made


def files(hub):
    return hub.root / COMMIT


def sha256(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_librarys_safetensors_become_a_donor(hub, tmp_path):
    state = their_state("squeezenet1_1")
    file = safetensors(files(hub) / "model.safetensors", state)
    hub.sums[file.name] = sha256(file)
    (files(hub) / "README.md").write_text("x")
    found = donor_of("hub:someone/squeeze", NET, tmp_path / "out")
    assert found.info.history[0] == {
        "step": "download",
        "repository": "someone/squeeze",
        "asked": None,
        "revision": COMMIT,
        "file": "model.safetensors",
        "sha256": sha256(file),
    }
    weights = {t.sum().item() for t in found.net.state_dict().values()}
    assert {t.sum().item() for n, t in state.items() if n.endswith("weight")} <= weights
    assert found.history()[-1]["step"] == "start"


def test_a_run_goes_on_without_the_hub_and_keeps_its_commit(hub, tmp_path, monkeypatch):
    safetensors(files(hub) / "model.safetensors", their_state("squeezenet1_1"))
    first = donor_of("hub:someone/squeeze@main", NET, tmp_path)
    hub.branch["main"] = "b" * 40
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    again = donor_of("hub:someone/squeeze@main", NET, tmp_path)
    assert again.info == first.info
    assert again.info.history[0]["revision"] == COMMIT
    with pytest.raises(UserError, match=r"pip install 'convatlas\[hub\]'"):
        donor_of("hub:someone/squeeze", NET, tmp_path)  # another revision was asked for


def test_a_bundle_in_a_repository_keeps_its_own_history(hub, tmp_path):
    made = write_bundle(tmp_path / "x.bundle")
    for file in made.iterdir():
        file.rename(files(hub) / file.name)
    found = donor_of("hub:someone/ours", "resnet8_small", tmp_path / "out")
    assert [row["step"] for row in found.info.history] == ["download", "made"]
    assert found.info.classes == ["a", "b", "c"]
    with pytest.raises(UserError, match="holds a bundle of 'resnet8_small', not 'resnet14_small'"):
        donor_of("hub:someone/ours", "resnet14_small", tmp_path / "other")


def test_mean_and_std_stated_beside_the_weights_are_taken(hub, tmp_path):
    safetensors(files(hub) / "model.safetensors", their_state("squeezenet1_1"))
    stated = {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.5, 0.5]}
    (files(hub) / "config.json").write_text(json.dumps({"pretrained_cfg": stated}))
    found = donor_of("hub:someone/squeeze", NET, tmp_path)
    assert found.preprocessing.mean == (0.5, 0.5, 0.5)
    assert found.preprocessing.std == (0.25, 0.5, 0.5)


@pytest.mark.parametrize(
    "config", ["[]", "{", '{"pretrained_cfg": {"mean": [1e999], "std": "x"}}', "[" * 100_000]
)
def test_a_strange_config_changes_nothing(hub, tmp_path, config):
    safetensors(files(hub) / "model.safetensors", their_state("squeezenet1_1"))
    (files(hub) / "config.json").write_text(config)
    assert donor_of("hub:a/b", NET, tmp_path).preprocessing.mean == (0.485, 0.456, 0.406)


def test_a_pickle_is_never_taken(hub, tmp_path):
    pth(files(hub) / "pytorch_model.bin", their_state("squeezenet1_1"))
    with pytest.raises(UserError, match=r"it has none among its 1 files. Files of other kinds"):
        donor_of("hub:a/b", NET, tmp_path)
    assert hub.calls == [("a/b", None)]


def test_of_several_files_none_is_guessed(hub, tmp_path):
    for name in ("one.safetensors", "two.safetensors"):
        safetensors(files(hub) / name, {"x": torch.zeros(1)})
    with pytest.raises(UserError, match=r"it has 'one.safetensors', 'two.safetensors'"):
        donor_of("hub:a/b", NET, tmp_path)


def test_other_bytes_than_the_hub_states_are_refused(hub, tmp_path):
    safetensors(files(hub) / "model.safetensors", their_state("squeezenet1_1"))
    hub.sums["model.safetensors"] = "0" * 64
    with pytest.raises(UserError, match=f"the hub states {'0' * 64}"):
        donor_of("hub:a/b", NET, tmp_path)
    assert not (tmp_path / "start.bundle").exists()


def test_a_revision_that_is_not_there(hub, tmp_path):
    with pytest.raises(UserError, match="'hub:a/b@v9' has no revision 'v9'"):
        donor_of("hub:a/b@v9", NET, tmp_path)


@pytest.mark.parametrize("text", ["hub:", "hub:a/b/c", "hub:a b", "hub:a/b@", "hub:a/b@x y"])
def test_no_repository(text):
    with pytest.raises(UserError, match=r"is no repository. Give hub:OWNER/NAME"):
        place_of(text)


def test_the_client_without_a_network(tmp_path, monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"'hub:a/b' could not be fetched .*Without a network give"):
        donor_of("hub:a/b", NET, tmp_path)


def test_a_bundle_is_read_where_it_lies(tmp_path):
    path = write_bundle(tmp_path / "x.bundle")
    found = donor_of(str(path), "resnet8_small", tmp_path / "out")
    assert found.info == bundle.load(path).info
    assert not (tmp_path / "out").exists()


def test_a_file_is_imported_once_and_anew_when_it_changed(tmp_path):
    file = pth(tmp_path / "x.pth", their_state("squeezenet1_1"))
    first = donor_of(str(file), NET, tmp_path)
    made = tmp_path / "start.bundle"
    before = (made / "bundle.json").stat().st_mtime_ns
    assert donor_of(str(file), NET, tmp_path).info == first.info
    assert (made / "bundle.json").stat().st_mtime_ns == before
    assert first.info.history == [{
        "step": "import", "library": "torchvision", "net": "squeezenet1_1", "file": "x.pth",
        "sha256": sha256(file),
    }]  # fmt: skip
    other = {name: tensor + 1 for name, tensor in their_state("squeezenet1_1").items()}
    pth(file, other)
    assert donor_of(str(file), NET, tmp_path).info.weights_sha256 != first.info.weights_sha256


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match=r"There is no 'no/such' to start from. Give a .bundle"):
        donor_of("no/such", NET, tmp_path)
