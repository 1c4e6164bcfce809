"""The learning rate at steps worked out by hand; a row reads like the paper's sentence."""

import math
from dataclasses import replace

import pytest

from convatlas.training import NamedRecipe
from convatlas.training._schedule import learning_rate
from convatlas.training.recipes import find, names

# recipe: (steps of the run, {step: rate}); an epoch of a made-up run is 1,000 steps where the
# paper counts epochs.
RATES = {
    # "0.1, divided by 10 at 32k and 48k iterations, terminated at 64k"
    "resnet-cifar": (
        64_000,
        {0: 0.1, 31_999: 0.1, 32_000: 0.01, 47_999: 0.01, 48_000: 0.001, 63_999: 0.001},
    ),
    # "0.01 to warm up until the training error is below 80 % (about 400 iterations), then 0.1"
    "resnet110-cifar": (64_000, {0: 0.01, 399: 0.01, 400: 0.1, 32_000: 0.01, 48_000: 0.001}),
    "preresnet-cifar": (64_000, {0: 0.01, 399: 0.01, 400: 0.1, 32_000: 0.01, 48_000: 0.001}),
    # "0.1, divided by 10 at 30 and 60 epochs"
    "preresnet-imagenet": (90_000, {0: 0.1, 29_999: 0.1, 30_000: 0.01, 60_000: 0.001}),
    "preresnet-aspect": (90_000, {0: 0.1, 29_999: 0.1, 30_000: 0.01, 60_000: 0.001}),
    "resnet-torch": (90_000, {0: 0.1, 29_999: 0.1, 30_000: 0.01, 59_999: 0.01, 60_000: 0.001}),
    "densenet-imagenet": (90_000, {29_999: 0.1, 30_000: 0.01, 60_000: 0.001, 89_999: 0.001}),
    "densenet161": (100_000, {29_999: 0.1, 30_000: 0.01, 60_000: 0.001, 90_000: 1e-4}),
    "densenet-cosine": (100_000, {0: 0.1, 50_000: 0.05, 25_000: 0.05 * (1 + 0.5**0.5)}),
    # "0.1, divided by 10 at 50 % and 75 % of the total number of training epochs"
    "densenet-cifar": (300_000, {149_999: 0.1, 150_000: 0.01, 225_000: 0.001}),
    "densenet-cifar-plain": (300_000, {149_999: 0.1, 150_000: 0.01, 225_000: 0.001}),
    # "from 0.1, by 10 for three times": every 30 of 100 epochs
    "resnext-imagenet": (100_000, {29_999: 0.1, 30_000: 0.01, 60_000: 1e-3, 90_000: 1e-4}),
    # "0.1 for 300 epochs, reduced at the 150-th and 225-th epoch"
    "resnext-cifar": (300_000, {149_999: 0.1, 150_000: 0.01, 225_000: 0.001}),
    # "0.1, divided by 10 after epochs 250 and 375" of 500
    "stochastic-depth-cifar": (500_000, {249_999: 0.1, 250_000: 0.01, 375_000: 0.001}),
    # "0.01 for the first 10 epochs, then 0.1, by 10 at epochs 150 and 225" of 300
    "stochastic-depth-1202": (
        300_000,
        {0: 0.01, 9_999: 0.01, 10_000: 0.1, 150_000: 0.01, 225_000: 0.001},
    ),
    # "50 epochs, 0.1, divided by 10 after epochs 30 and 35"
    "stochastic-depth-svhn": (50_000, {29_999: 0.1, 30_000: 0.01, 35_000: 0.001}),
    # "to 1e-4 at epoch 90", 120 in all
    "stochastic-depth-imagenet": (
        120_000,
        {29_999: 0.1, 30_000: 0.01, 60_000: 0.001, 90_000: 1e-4, 119_999: 1e-4},
    ),
    # "0.6, decreased by a factor of 10 every 30 epochs", 100 in all
    "senet": (100_000, {0: 0.6, 29_999: 0.6, 30_000: 0.06, 60_000: 0.006, 90_000: 6e-4}),
    # "0.1, by 10 after 1/2, 3/4 and 7/8" of 400 epochs
    "igcv1-cifar": (400_000, {199_999: 0.1, 200_000: 0.01, 300_000: 1e-3, 350_000: 1e-4}),
    "igcv2-cifar": (400_000, {199_999: 0.1, 200_000: 0.01, 300_000: 1e-3, 350_000: 1e-4}),
    "igcv1-imagenet": (95_000, {29_999: 0.1, 30_000: 0.01, 60_000: 1e-3, 90_000: 1e-4}),
    # 0.01 over 250^(1/3) at 25, 50 and 75 %: 250 in all
    "alexnet-owt": (90_000, {0: 0.01, 22_500: 0.01 / 6.2996, 67_500: 0.01 / 250}),
    # steps 100,000, 150,000 and 175,000 of 200,000
    "highway-cifar": (
        200_000,
        {99_999: 0.025, 100_000: 0.0025, 150_000: 2.5e-4, 175_000: 2.5e-5},
    ),
    "highway-mnist": (180_000, {59_999: 0.01, 60_000: 0.001, 120_000: 1e-4}),
    "nin": (120_000, {0: 0.1, 99_999: 0.1, 100_000: 0.01, 119_999: 0.01}),
    "nin-imagenet": (450_000, {199_999: 0.01, 200_000: 0.001, 400_000: 1e-4}),
    # five levels over 20 passes, 50 between the first and the last
    "lenet5": (20_000, {1_999: 0.001, 2_000: 0.000376, 5_000: 0.000141376, 12_000: 0.001 / 50.03}),
    # "4 % less every 8 epochs"
    "googlenet": (250_000, {0: 0.01, 7_999: 0.01, 8_000: 0.0096, 16_000: 0.009216}),
    # (1 - t)^0.5 over 2,400,000 steps: half of the rate is left at 3/4 of them
    "googlenet-quick": (2_400_000, {0: 0.01, 1_800_000: 0.005}),
    # 4 % less six times faster: every 4/3 epochs
    "bn-inception": (150_000, {1_333: 0.045, 1_334: 0.0432, 4_000: 0.045 * 0.884736}),
    "bn-inception-x5": (150_000, {1_333: 0.0075, 1_334: 0.0072}),
    # "0.045, decayed every two epochs using an exponential rate of 0.94"
    "inception-v3": (100_000, {1_999: 0.045, 2_000: 0.0423, 4_000: 0.039762}),
    "inception-v4": (100_000, {1_999: 0.045, 2_000: 0.0423, 4_000: 0.039762}),
    "xception": (100_000, {1_999: 0.045, 2_000: 0.0423, 4_000: 0.039762}),
    # "0.001, 0.9 every 3,000,000 samples": of 350 million, 1,000 a step
    "xception-jft": (350_000, {2_999: 0.001, 3_000: 9e-4, 6_000: 8.1e-4}),
    # "0.045, decay rate of 0.98 per epoch"
    "mobilenet-v1": (300_000, {999: 0.045, 1_000: 0.0441, 2_000: 0.043218}),
    "mobilenet-v2": (300_000, {999: 0.045, 1_000: 0.0441, 2_000: 0.043218}),
    "mobilenet-v2-slim": (412_000, {2_499: 0.045, 2_500: 0.0441, 5_000: 0.043218}),
    "igcv3-imagenet": (480_000, {999: 0.045, 1_000: 0.0441, 2_000: 0.043218}),
    # "0.256 that decays by 0.97 every 2.4 epochs", after a warm-up of 5 that counts too
    "efficientnet": (
        350_000,
        {
            0: 0.256 / 5_000,
            2_499: 0.128,
            5_000: 0.256 * 0.9409,
            7_199: 0.256 * 0.9409,
            7_200: 0.256 * 0.912673,
        },
    ),
    "nasnet-mobile": (312_000, {0: 2.0, 2_399: 2.0, 2_400: 1.94, 4_800: 1.8818}),
    "nasnet-large": (312_000, {0: 1.5, 2_399: 1.5, 2_400: 1.455}),
    "nasnet-cifar": (600_000, {0: 0.025, 300_000: 0.0125}),
    # "0.04, linearly decreased": 170,000 steps
    "squeezenet": (170_000, {0: 0.04, 85_000: 0.02, 127_500: 0.01}),
    # from 0.1 to 0.4 in 780 of 150,136 steps, then (1 - t)^2: a quarter is left half way
    "squeezenext": (150_136, {0: 0.1 + 0.3 / 780, 779: 0.4, 780: 0.4, 75_458: 0.1}),
    # "decreased from 0.5 to 0" over 300,000 iterations
    "shufflenet-v1": (300_000, {0: 0.5, 150_000: 0.25, 270_000: 0.05}),
    "shufflenet-v2": (300_000, {0: 0.5, 150_000: 0.25, 270_000: 0.05}),
    # "0.1 ... polynomial rate decay with a power of 4": a sixteenth is left half way
    "darknet19": (1_600_000, {0: 0.1 / 1_000, 999: 0.1, 1_000: 0.1, 800_500: 0.1 / 16}),
    "darknet53": (800_000, {999: 0.1, 1_000: 0.1, 400_500: 0.1 / 16}),
    "darknet-tiny": (1_600_000, {0: 0.1, 800_000: 0.1 / 16}),
    # a cosine from 0.1 to 0
    "condensenet-cifar": (300_000, {0: 0.1, 150_000: 0.05, 75_000: 0.05 * (1 + 0.5**0.5)}),
    "condensenet-cifar-600": (600_000, {0: 0.1, 300_000: 0.05}),
    "condensenet-imagenet": (120_000, {0: 0.1, 60_000: 0.05}),
    # 0.595 of the rate is left after 20 decays, 0.595^(1/2) after 10
    "lenet-caffe": (10_000, {0: 0.01, 499: 0.01, 5_000: 0.01 * 0.77136}),
}
# "divided by 10 when the validation error stopped improving": rates before and after each
ON_PLATEAU = {
    "alexnet2012": [0.01, 0.001, 1e-4, 1e-5],
    "zfnet": [0.01, 0.001, 1e-4, 1e-5],
    "vgg-s256": [0.01, 0.001, 1e-4, 1e-5],
    "vgg-s384": [0.001, 1e-4, 1e-5, 1e-6],
    "vgg-jitter": [0.001, 1e-4, 1e-5, 1e-6],
    "resnet-imagenet": [0.1, 0.01, 0.001, 1e-4],
    "senet-mobile": [0.1, 0.01, 0.001, 1e-4],
    "senet-ablation": [0.1, 0.01, 0.001, 1e-4],
}


@pytest.mark.parametrize("name", RATES)
def test_rate_at_steps_of_the_paper(name):
    steps, rates = RATES[name]
    recipe = replace(find(name).recipe, steps=steps)
    for step, rate in rates.items():
        assert learning_rate(recipe, step) == pytest.approx(rate, rel=1e-4), (name, step)


@pytest.mark.parametrize("name", ON_PLATEAU)
def test_rate_after_each_decay_on_plateau(name):
    recipe = replace(find(name).recipe, steps=1000)
    assert recipe.schedule == "plateau"
    for decays, rate in enumerate(ON_PLATEAU[name]):
        assert learning_rate(recipe, 500, decays=decays) == pytest.approx(rate)
    assert recipe.decays == len(ON_PLATEAU[name]) - 1


def test_every_paper_recipe_has_a_row():
    of_papers = {name for name in names() if isinstance(find(name), NamedRecipe)}
    of_papers = {name for name in of_papers if find(name).paper is not None}
    assert of_papers == set(RATES) | set(ON_PLATEAU)


def test_the_inverse_policy_ends_where_caffes_does():
    """(1 + 0.0001 x 10,000)^-0.75, and no point of the way is more than 7 % away."""
    recipe = replace(find("lenet-caffe").recipe, steps=10_000)
    assert pytest.approx(0.595, abs=5e-4) == 2**-0.75
    for step in range(0, 10_000, 250):
        caffe = 0.01 * (1 + 1e-4 * step) ** -0.75
        assert learning_rate(recipe, step) == pytest.approx(caffe, rel=0.07)


def test_an_average_of_four_levels_stands_for_lenets():
    """0.0005, 0.0002, 0.0001, 0.00005 and 0.00001 of the paper: the same ratio in all."""
    assert find("lenet5").recipe.decay_factor ** 4 == pytest.approx(0.00001 / 0.0005, rel=0.01)


@pytest.mark.parametrize("name", [*RATES, *ON_PLATEAU])
def test_a_shorter_run_has_the_same_shape(name):
    """Rates at the same shares agree, but for a step of rounding where the rate falls."""
    named = find(name)
    short, long = (replace(named.recipe, steps=n) for n in (2_000, 200_000))
    differing = 0
    for percent in range(0, 100):
        a = learning_rate(short, percent * 20 + 10)
        b = learning_rate(long, percent * 2_000 + 1_000)
        differing += not math.isclose(a, b, rel_tol=0.02)
    assert differing <= 2
