"""Labels as a model numbers its classes."""

import numpy as np
import pytest

from convatlas.data import labelled_as, open_dataset, split_of
from convatlas.errors import UserError
from tests.data.images import write_folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = write_folder(tmp_path_factory.mktemp("data"), {"ant": 10, "bee": 10, "cow": 10})
    return open_dataset(str(root))


@pytest.mark.parametrize("name", ["train", "val", "test"])
def test_labels_follow_names(dataset, name):
    model = ("cow", "yak", "ant", "zebra", "bee")
    split = labelled_as(dataset, name, model)
    assert split.name == name
    folders = [image.split("/")[0] for image in split.names]
    assert [model[label] for label in split.labels] == folders
    assert len(set(folders)) == 3
    assert split.labels.dtype == np.int64
    assert split.fingerprint == split_of(dataset, name).fingerprint


def test_the_data_set_keeps_its_labels(dataset):
    before = dataset.test.labels.copy()
    labelled_as(dataset, "test", ("cow", "bee", "ant"))
    np.testing.assert_array_equal(dataset.test.labels, before)


def test_unknown_classes_are_refused_by_name(dataset):
    with pytest.raises(UserError) as caught:
        labelled_as(dataset, "test", ("bee", "Ant", "yak"))
    assert "does not know 2 of the data's 3 classes: 'ant', 'cow'." in str(caught.value)
    assert "It knows 'bee', 'Ant', 'yak'." in str(caught.value)


def test_long_lists_are_cut(dataset):
    with pytest.raises(UserError, match="'class 9' and 990 more"):
        labelled_as(dataset, "test", tuple(f"class {i}" for i in range(1000)))


@pytest.mark.parametrize("name", ["Test", "", "all"])
def test_another_split_is_refused(dataset, name):
    with pytest.raises(UserError, match=f"No split named {name!r}. Give one of: train, val, test"):
        split_of(dataset, name)
