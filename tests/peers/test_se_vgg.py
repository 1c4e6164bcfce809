"""SE-VGG-16 against its equations, and against VGG-16 with open gates."""

import torch
from torch import nn
from torch.nn import functional as F

from convatlas import models
from convatlas.layers import SqueezeExcite
from tests.peers.peer import randomise, relative_difference

THIN = {"width_multiplier": 0.25, "input_side": 32, "num_classes": 7}


def test_written_functionally():
    """Convolution, batch norm, ReLU, and each channel times its gate; no library has the net."""
    torch.manual_seed(0)
    net = models.build("se_vgg16", **THIN, se_reduction=4).eval()
    randomise(net)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        x = images
        for stage, depth in zip(net.stages, (2, 2, 3, 3, 3), strict=True):
            for place in range(1, depth + 1):
                conv, norm, gates = (stage.get_submodule(f"{kind}{place}")
                                     for kind in ("conv", "norm", "gates"))  # fmt: skip
                x = F.conv2d(x, conv.weight, conv.bias, padding=1)
                mean, var = norm.running_mean, norm.running_var
                x = F.batch_norm(x, mean, var, norm.weight, norm.bias).relu()
                z = x.mean((2, 3))
                hidden = z @ gates.reduce.weight[:, :, 0, 0].T + gates.reduce.bias
                s = hidden.relu() @ gates.expand.weight[:, :, 0, 0].T + gates.expand.bias
                x = x * s.sigmoid()[:, :, None, None]
            x = F.max_pool2d(x, 2)
        x = x.flatten(1)
        *hidden_layers, last = (m for m in net.classifier if isinstance(m, nn.Linear))
        for layer in hidden_layers:
            x = layer(x).relu()
        assert relative_difference(net(images), last(x)) <= 1e-5


def test_open_gates_leave_vgg():
    torch.manual_seed(0)
    plain = models.build("vgg_d_bn", **THIN).eval()
    randomise(plain)
    net = models.build("se_vgg16", **THIN).eval()
    missing = net.load_state_dict(plain.state_dict(), strict=False)
    assert missing.unexpected_keys == []
    assert all("gates" in name for name in missing.missing_keys)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert relative_difference(plain(images), net(images)) > 0.01
        for module in net.modules():
            if isinstance(module, SqueezeExcite):
                module.expand.weight.zero_()
                module.expand.bias.fill_(30.0)  # the sigmoid of which is 1
        assert relative_difference(plain(images), net(images)) <= 1e-5
