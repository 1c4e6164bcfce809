"""AlexNet with two towers written out, and the one-tower net with torchvision's."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convatlas.models import build
from tests.peers.peer import assert_same_logits, peer, relative_difference, transplant


def test_one_tower_net_equals_torchvision():
    assert_same_logits("alexnet_owt", "torchvision", num_classes=10)


def test_ungrouped_net_equals_pytorchcv_given_its_alpha():
    """Given 227 pixels, its maps are ours; it hands the printed alpha to torch, a fifth of ours."""
    ours = felt(build("alexnet_ungrouped", num_classes=10))
    theirs = peer("pytorchcv.model_provider").get_model("alexnet", num_classes=10).eval()
    image = 100 * torch.randn(1, 3, 227, 227, generator=torch.Generator().manual_seed(0))
    transplant(ours, theirs, image)
    with torch.no_grad():
        assert relative_difference(ours(image), theirs(image)) > 1e-3
        for layer in ("stem", "stages.conv2"):
            norm = ours.get_submodule(f"{layer}.norm")
            norm.alpha /= 5
        assert relative_difference(ours(image), theirs(image)) <= 1e-4


def test_groups_equal_two_towers():
    """Maps of 3x3 before fc6; large pixels, so that the normalisation is felt."""
    ours = felt(build("alexnet", input_side=131, hidden=64, num_classes=10))
    image = 100 * torch.randn(2, 3, 131, 131, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert relative_difference(ours(image), two_towers(ours.state_dict(), image)) <= 1e-4


def felt(net: nn.Module) -> nn.Module:
    """Weights so large that the normalisation of large pixels matters."""
    for name, parameter in net.named_parameters():
        scale = 0.05 if "bias" in name else (2 / parameter[0].numel()) ** 0.5
        nn.init.normal_(parameter, std=scale)
    return net.eval()


def two_towers(weights: dict[str, Tensor], image: Tensor) -> Tensor:
    """Fig. 2 with the halves of the maps held apart, as on two GPUs."""
    conv1 = halves(weights, "stem")
    towers = [F.relu(F.conv2d(image, *conv1[t], stride=4)) for t in (0, 1)]
    towers = [F.max_pool2d(t, 3, 2) for t in normalised(towers)]
    conv2 = halves(weights, "stages.conv2")
    towers = [F.relu(F.conv2d(towers[t], *conv2[t], padding=2)) for t in (0, 1)]
    towers = [F.max_pool2d(t, 3, 2) for t in normalised(towers)]
    conv3 = halves(weights, "stages.conv3")
    both = torch.cat(towers, dim=1)  # the towers meet
    towers = [F.relu(F.conv2d(both, *conv3[t], padding=1)) for t in (0, 1)]
    for layer in ("stages.conv4", "stages.conv5"):
        conv = halves(weights, layer)
        towers = [F.relu(F.conv2d(towers[t], *conv[t], padding=1)) for t in (0, 1)]
    x = torch.cat([F.max_pool2d(t, 3, 2) for t in towers], dim=1).flatten(1)
    for layer in ("fc6", "fc7"):
        x = F.relu(
            x @ weights[f"classifier.{layer}.weight"].T + weights[f"classifier.{layer}.bias"]
        )
    return x @ weights["classifier.fc8.weight"].T + weights["classifier.fc8.bias"]


def halves(weights: dict[str, Tensor], layer: str) -> list[tuple[Tensor, Tensor]]:
    weight, bias = (weights[f"{layer}.conv.{kind}"].chunk(2) for kind in ("weight", "bias"))
    return list(zip(weight, bias, strict=True))


def normalised(towers: list[Tensor]) -> list[Tensor]:
    """Section 3.3 over the maps of both towers, n = 5, k = 2, alpha = 1e-4, beta = 0.75."""
    a = torch.cat(towers, dim=1)
    squares = F.pad(a.square(), (0, 0, 0, 0, 2, 2))
    sums = sum(squares[:, i : i + a.shape[1]] for i in range(5))
    return list((a / (2 + 1e-4 * sums) ** 0.75).chunk(2, dim=1))
