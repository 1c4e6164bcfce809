"""Every protocol as its paper has it, the long way: one crop, one call of the net at a time."""

import numpy as np
import torch
from PIL import Image
from torch import nn

BILINEAR = Image.Resampling.BILINEAR


class SmallNet(nn.Module):
    """Sliding it equals cropping: no padding, stride 4 in all, every pixel of its side used."""

    def __init__(self, side=32, classes=7):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 6, 6, stride=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 8, 3), nn.ReLU()
        )
        cells = ((side - 6) // 2 + 1) // 2 - 2
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(8 * cells**2, 16), nn.ReLU(), nn.Linear(16, classes)
        )

    def forward(self, x):
        return self.classifier(self.stem(x))


def small_net(side=32, seed=3):
    torch.manual_seed(seed)
    net = SmallNet(side).eval()
    with torch.no_grad():
        net.classifier[3].weight.mul_(20)  # so that views disagree
    return net


def shorter_side_to(image, size, resampling=BILINEAR):
    width, height = image.size
    if width <= height:
        return image.resize((size, max(size, round(height * size / width))), resampling)
    return image.resize((max(size, round(width * size / height)), size), resampling)


def at(image, left, top, side):
    return image.crop((left, top, left + side, top + side))


def central(image, side):
    return at(image, (image.width - side) // 2, (image.height - side) // 2, side)


def mirrored(images):
    return [*images, *(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for image in images)]


def five(image, crop):
    right, bottom = image.width - crop, image.height - crop
    corners = [at(image, x, y, crop) for y in (0, bottom) for x in (0, right)]
    return [*corners, at(image, right // 2, bottom // 2, crop)]


def single(image, resize, crop, resampling=BILINEAR):
    return [central(central(shorter_side_to(image, resize, resampling), resize), crop)]


def ten(image, resize, crop, area="square"):
    """AlexNet, section 4.1: patches of the central square of the rescaled image."""
    resized = shorter_side_to(image, resize)
    return mirrored(five(central(resized, resize) if area == "square" else resized, crop))


def vgg(image, sizes, crop):
    """VGG, section 3.2: a 5 x 5 regular grid with 2 flips at each scale."""
    crops = []
    for size in sizes:
        resized = shorter_side_to(image, size)
        for row in range(5):
            for column in range(5):
                left = (resized.width - crop) * column // 4
                top = (resized.height - crop) * row // 4
                crops.append(at(resized, left, top, crop))
    return mirrored(crops)


def googlenet(image, sizes, crop):
    """GoogLeNet, section 7."""
    crops = []
    for size in sizes:
        resized = shorter_side_to(image, size)
        spare = max(resized.size) - size
        for start in (0, spare // 2, spare):
            wide = resized.width >= resized.height
            square = at(resized, start if wide else 0, 0 if wide else start, size)
            crops += [*five(square, crop), square.resize((crop, crop), BILINEAR)]
    return mirrored(crops)


def windows(image, size, side, stride):
    """All that a net of that side and stride sees when it slides over the resized image."""
    resized = shorter_side_to(image, size)
    return [
        at(resized, left, top, side)
        for top in range(0, resized.height - side + 1, stride)
        for left in range(0, resized.width - side + 1, stride)
    ]


def logits(net, image, mean, std):
    pixels = (np.asarray(image.convert("RGB"), np.float64) / 255 - mean) / std
    batch = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None].contiguous()
    with torch.no_grad():
        return net(batch)[0].numpy().astype(np.float64)


def probabilities(row):
    powers = np.exp(row - row.max())
    return powers / powers.sum()


def mean_of_probabilities(net, crops, mean, std):
    return np.mean([probabilities(logits(net, crop, mean, std)) for crop in crops], axis=0)


def mean_of_logits(net, crops, mean, std):
    return probabilities(np.mean([logits(net, crop, mean, std) for crop in crops], axis=0))


def dense(net, image, sizes, side, mean, std, reduce=np.mean, stride=4):
    """VGG, section 3.2: the class score map averaged, then softmax; its mean over mirror images.

    Section 4.2: and over sizes.
    """
    found = []
    for size in sizes:
        for whole in mirrored([image]):
            rows = [logits(net, w, mean, std) for w in windows(whole, size, side, stride)]
            found.append(probabilities(reduce(rows, axis=0)))
    return np.mean(found, axis=0)
