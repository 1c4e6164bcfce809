"""A net as a function of arrays."""

import numpy as np
import torch
from torch import nn

from convatlas.evaluation import predictor_of


class Witness(nn.Module):
    """Notes the conditions it is run under."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.seen: list[tuple[bool, bool, int, bool]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        last = x.is_contiguous(memory_format=torch.channels_last)
        inference = torch.is_inference_mode_enabled()
        self.seen.append((inference, last, torch.get_num_threads(), self.training))
        return self.drop(self.norm(self.conv(x))).mean((2, 3))


def images(n: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((n, 3, 8, 8)).astype(np.float32)


def test_runs_in_inference_mode_channels_last_with_the_threads_asked() -> None:
    net = Witness().eval()
    before = torch.get_num_threads()
    logits = predictor_of(net, threads=before + 1)(images(2))
    assert net.seen == [(True, True, before + 1, False)]
    assert torch.get_num_threads() == before
    assert logits.shape == (2, 4)
    assert logits.dtype == np.float32


def test_gives_what_the_net_gives_row_by_row() -> None:
    net = Witness().eval()
    predict = predictor_of(net)
    batch = images(5)
    with torch.no_grad():
        expected = net(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(predict(batch), expected, atol=1e-6)
    np.testing.assert_allclose(predict(batch[3:4]), expected[3:4], atol=1e-6)


def test_a_net_in_training_is_scored_in_eval_mode_and_stays_in_training() -> None:
    net = Witness().train()
    net.drop.eval()
    statistics = net.norm.running_mean.clone()
    predict = predictor_of(net)
    first = predict(images(4))
    np.testing.assert_array_equal(first, predict(images(4)))
    assert [training for *_, training in net.seen] == [False, False]
    assert net.training
    assert net.norm.training
    assert not net.drop.training
    assert torch.equal(net.norm.running_mean, statistics)


def test_takes_arrays_that_cannot_be_written() -> None:
    batch = images(1)
    batch.setflags(write=False)
    assert predictor_of(Witness().eval())(batch).shape == (1, 4)
