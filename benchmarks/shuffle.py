"""Joining and shuffling of ShuffleNet v2 against torchvision's, on the shapes of its stages.

Theirs concatenates and then permutes, two copies; ours interleaves in one. Rounds are interleaved,
the lower quartile of each counts; a ratio above 1 is ours being faster.

    python benchmarks/shuffle.py
"""

import argparse
from time import perf_counter

import numpy as np
import torch

from convatlas.layers import JoinShuffle

SHAPES = ((58, 28), (116, 14), (232, 7))  # channels of a half and side, 1x


def torchvision_shuffle():
    """torchvision imports beside a CPU-only torch once two operators are declared."""
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    from torchvision.models.shufflenetv2 import channel_shuffle

    return channel_shuffle


def quartiles(ways, rounds):
    taken = [[] for _ in ways]
    for _ in range(rounds):
        for times, way in zip(taken, ways, strict=True):
            start = perf_counter()
            way()
            times.append(perf_counter() - start)
    return [float(np.quantile(times, 0.25)) for times in taken]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=200)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    channel_shuffle, join, ratios = torchvision_shuffle(), JoinShuffle(), []
    for channels, side in SHAPES:
        for batch in (1, 32):
            for layout in (torch.contiguous_format, torch.channels_last):
                x = torch.randn(batch, 2 * channels, side, side).to(memory_format=layout)
                made = torch.randn(batch, channels, side, side).to(memory_format=layout)

                def theirs(x=x, made=made):
                    return channel_shuffle(torch.cat((x.chunk(2, dim=1)[0], made), dim=1), 2)

                def ours(x=x, made=made):
                    return join(x.chunk(2, dim=1)[0], made)

                if not torch.equal(theirs(), ours()):
                    raise SystemExit("the two do not compute the same")
                with torch.inference_mode():
                    slow, fast = quartiles((theirs, ours), given.rounds)
                ratios.append(slow / fast)
                print(
                    f"{batch}x{2 * channels}x{side}x{side} {layout!s:24} "
                    f"torchvision {1e6 * slow:8.1f} us, ours {1e6 * fast:8.1f} us, "
                    f"ratio {slow / fast:.2f}"
                )
    print(f"geometric mean {np.exp(np.mean(np.log(ratios))):.2f}, least {min(ratios):.2f}")


if __name__ == "__main__":
    main()
