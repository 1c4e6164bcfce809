"""Values of the recipes, against the papers' sentences; every unusual one says where it stands."""

from dataclasses import fields

import pytest

from convatlas.data import Augmentation
from convatlas.training import NamedRecipe, Recipe
from convatlas.training.recipes import described, find, names, schedule_in_words
from convatlas.training.recipes._plain import PLAIN

PAPERS = [name for name in names() if isinstance(find(name), NamedRecipe)]
PAPERS = [name for name in PAPERS if find(name).paper is not None]
# A place for the first says where the others stand too.
TOGETHER = {
    "schedule": ("milestones", "decay_factor", "power"),
    "decay_factor": ("milestones", "schedule"),
    "decays": ("schedule",),
    "decay_every": ("schedule",),
    "warmup": ("warmup_start", "warmup_share"),
    "warmup_share": ("warmup",),
    "average": ("ema_decay",),
    "ema_decay": ("average",),
    "contrast": ("brightness", "crop_area"),
    "brightness": ("crop_area", "short_side"),
    "saturation": ("brightness", "crop_area"),
    "hue": ("brightness", "crop_area"),
    "pca_colour": ("crop_area", "short_side"),
    "interpolation": ("crop_area", "rand_augment"),
    "flip": ("crop_area", "short_side", "shift", "cutout"),
    "shift": ("flip", "cutout"),
    "short_side": ("crop_area", "flip"),
}
SAID = {  # a value without a place is told among what departs, in these words
    "patience": "validations",
    "validations": "validations",
    "decay_spared": "biases",
    "momentum": "momentum",
    "weight_decay": "decay",
    "batch_size": "batch",
    "epochs": "length",
    "average_from": "averaged",
    "crop_area": "crops",
    "optimizer": "update",
    "decays": "decays of the rate",
    "decay_factor": "decays of the rate",
    "squares": "Mean square",
    "epsilon": "epsilon",
    "short_side": "crops",
    "flip": "shifts",
    "shift": "shifts",
}


@pytest.mark.parametrize("name", PAPERS)
def test_every_unusual_value_has_its_place(name):
    """What is not as in `PLAIN` has a section of the paper, or is said to be stated nowhere."""
    recipe = find(name)
    plain = {f.name: getattr(PLAIN, f.name) for f in fields(Recipe)}
    plain |= {
        f.name: getattr(Augmentation(flip_rule="random"), f.name) for f in fields(Augmentation)
    }
    told = " ".join(recipe.departs).lower()
    for row in described(recipe).values:
        if row.field == "scaling" or row.value == plain.get(row.field) or row.place:
            continue
        if row.field == "flip_rule" and not recipe.recipe.augmentation.flip:
            continue
        near = any(field in recipe.places for field in TOGETHER.get(row.field, ()))
        word = SAID.get(row.field, "?").lower()
        assert near or word in told, f"{name}: {row.field}={row.value} stands nowhere"


@pytest.mark.parametrize("name", PAPERS)
def test_places_are_of_values_the_recipe_has(name):
    recipe = find(name)
    for row in described(recipe).values:
        if row.place:
            assert row.place[-1] not in ".,;:", row
            assert len(row.place) < 110, row
    assert len(recipe.about) < 100
    assert all(line.endswith(".") for line in recipe.departs)


def test_what_is_recalled_is_marked():
    """Recipes with a recalled value, so that a new one is a decision."""
    recalled = {n for n in PAPERS if any("recalled" in p for p in find(n).places.values())}
    assert recalled == {
        "alexnet-owt", "condensenet-cifar", "condensenet-cifar-600", "condensenet-imagenet",
        "densenet-cosine", "efficientnet", "googlenet", "igcv1-imagenet", "igcv2-cifar",
        "igcv3-imagenet", "lenet-caffe", "lenet5", "nasnet-cifar", "nin", "nin-imagenet",
    }  # fmt: skip


# recipe: batch, epochs, momentum, decay, decay of biases and norms, Nesterov
SGD = {
    "alexnet2012": (128, 90, 0.9, 5e-4, 0, False),
    "vgg-s256": (256, 74, 0.9, 5e-4, 0, False),
    "googlenet": (32, 250, 0.9, 2e-4, 0, False),
    "resnet-imagenet": (256, 120, 0.9, 1e-4, 1e-4, False),
    "resnet-cifar": (128, 164, 0.9, 1e-4, 1e-4, False),
    "preresnet-imagenet": (256, 90, 0.9, 1e-4, 1e-4, False),
    "resnext-imagenet": (256, 100, 0.9, 1e-4, 1e-4, True),
    "resnext-cifar": (128, 300, 0.9, 5e-4, 5e-4, True),
    "stochastic-depth-cifar": (128, 500, 0.9, 1e-4, 1e-4, True),
    "stochastic-depth-imagenet": (128, 120, 0.9, 1e-4, 1e-4, True),
    "senet": (1024, 100, 0.9, 1e-4, 0, False),
    "densenet-cifar": (64, 300, 0.9, 1e-4, 1e-4, True),
    "densenet-imagenet": (256, 90, 0.9, 1e-4, 1e-4, True),
    "squeezenet": (512, 68, 0.9, 2e-4, 2e-4, False),
    "squeezenext": (1024, 120, 0.9, 1e-4, 1e-4, False),
    "xception": (1920, 100, 0.9, 1e-5, 0, False),
    "shufflenet-v1": (1024, 240, 0.9, 4e-5, 0, False),
    "shufflenet-v2": (1024, 240, 0.9, 4e-5, 0, False),
    "igcv1-cifar": (64, 400, 0.9, 1e-4, 1e-4, True),
    "condensenet-cifar": (64, 300, 0.9, 1e-4, 1e-4, True),
    "condensenet-imagenet": (256, 120, 0.9, 1e-4, 1e-4, True),
    "highway-cifar": (100, 400, 0.9, 1e-3, 0, True),
    "darknet19": (128, 160, 0.9, 5e-4, 0, False),
}
# recipe: batch, epochs, momentum, squares, epsilon, decay, decay of depthwise filters
RMSPROP = {
    "inception-v3": (1600, 100, 0.9, 0.9, 1.0, 4e-5, None),
    "inception-v4": (640, 100, 0.9, 0.9, 1.0, 4e-5, None),
    "mobilenet-v1": (96, 300, 0.9, 0.9, 1.0, 4e-5, 0.0),
    "mobilenet-v2": (96, 300, 0.9, 0.9, 1.0, 4e-5, None),
    "efficientnet": (4096, 350, 0.9, 0.9, 1e-3, 1e-5, None),
    "nasnet-mobile": (1600, 312, 0.9, 0.9, 1.0, 4e-5, None),
    "nasnet-large": (1600, 312, 0.9, 0.9, 1.0, 5e-5, None),
}


@pytest.mark.parametrize("name", SGD)
def test_sgd(name):
    named, recipe = find(name), find(name).recipe
    assert recipe.optimizer in ("sgd", "sgd_inside")
    assert SGD[name] == (
        recipe.batch_size,
        named.epochs,
        recipe.momentum,
        recipe.weight_decay,
        recipe.decay_spared,
        recipe.nesterov,
    )


@pytest.mark.parametrize("name", RMSPROP)
def test_rmsprop(name):
    named, recipe = find(name), find(name).recipe
    assert recipe.optimizer == "rmsprop"
    assert RMSPROP[name] == (
        recipe.batch_size,
        named.epochs,
        recipe.momentum,
        recipe.squares,
        recipe.epsilon,
        recipe.weight_decay,
        recipe.decay_depthwise,
    )


@pytest.mark.parametrize(
    ("name", "images", "steps"),
    [  # lengths that the source states in steps, of ImageNet's 1,281,167 or CIFAR's 50,000 images
        ("squeezenet", 1_281_167, 170_000),
        ("squeezenext", 1_281_167, 150_136),
        ("shufflenet-v1", 1_281_167, 300_000),
        ("vgg-s256", 1_281_167, 370_000),
        ("resnet-imagenet", 1_281_167, 600_000),
        ("googlenet", 1_281_167, 10_000_000),
        ("googlenet-quick", 1_281_167, 2_400_000),
        ("bn-inception", 1_281_167, 6_000_000),
        ("nasnet-mobile", 1_281_167, 250_000),
        ("efficientnet", 1_281_167, 218_949 / 2),
        ("mobilenet-v2-slim", 1_281_167, 5_500_000),
        ("darknet53", 1_281_167, 800_000),
        ("darknet-tiny", 1_281_167, 1_600_000),
        ("nin-imagenet", 1_281_167, 450_000),
        ("resnet-cifar", 50_000, 64_000),
        ("highway-cifar", 50_000, 200_000),
        ("nin", 50_000, 120_000),
        ("highway-mnist", 60_000, 180_000),
        ("lenet-caffe", 60_000, 10_000),
    ],
)
def test_epochs_make_the_steps_that_are_stated(name, images, steps):
    recipe = find(name)
    assert recipe.epochs * images / recipe.recipe.batch_size == pytest.approx(steps, rel=0.01)


def test_what_few_recipes_have():
    def having(field, value):
        return {name for name in PAPERS if getattr(find(name).recipe, field) == value}

    assert having("label_smoothing", 0.1) == {
        "efficientnet", "inception-v3", "inception-v4", "mobilenet-v2-slim", "nasnet-large",
        "nasnet-mobile", "senet-ablation", "shufflenet-v1", "shufflenet-v2",
    }  # fmt: skip
    assert having("gradient_clip", 2.0) == {"inception-v3", "inception-v4"}
    assert having("gradient_clip", 10.0) == {"nasnet-large", "nasnet-mobile"}
    assert having("average", "uniform") == {"googlenet"}
    assert having("initial", "xavier") == {"googlenet-quick", "lenet-caffe", "vgg-s256"}
    assert having("decay_depthwise", 0.0) == {"mobilenet-v1"}
    assert having("mixup", 0.0) == set(PAPERS)


@pytest.mark.parametrize(
    ("name", "low", "high", "side"),
    [
        ("alexnet2012", 256, 256, 227),
        ("vgg-s256", 256, 256, 224),
        ("vgg-s384", 384, 384, 224),
        ("vgg-jitter", 256, 512, 224),
        ("resnet-imagenet", 256, 480, 224),
    ],
)
def test_shorter_sides_of_images(name, low, high, side):
    changes = find(name).recipe.augmentation
    assert [round(share * side) for share in changes.short_side] == [low, high]


def test_words_for_schedules():
    def words(name):
        return schedule_in_words(find(name).recipe, find(name).epochs)

    assert words("resnet-imagenet") == "/10 on plateau, at most 3 times"
    assert words("resnext-imagenet") == "/10 at epochs 30, 60, 90"
    assert words("efficientnet") == "x0.97 every 2.4 epochs, warm-up 5 epochs"
    assert words("mobilenet-v2") == "x0.98 every 1 epoch"
    assert words("squeezenet") == "linear to 0"
    assert words("darknet-tiny") == "to 0 by power 4"
    assert words("condensenet-cifar") == "cosine to 0"
    assert schedule_in_words(find("resnet-cifar").recipe, None) == "/10 at 50%, 75%"
    assert schedule_in_words(PLAIN, 10) == "constant"
