"""Accuracy by time of the recipe `fast`, of what it is made of, and of `small-data`.

    python benchmarks/fast_recipe.py ablate --minutes 2.5 --out ablation.jsonl
    python benchmarks/fast_recipe.py compare --minutes 5 10 20 --out compare.jsonl
    python benchmarks/fast_recipe.py page docs/fast_recipe.md compare.jsonl [ablation.jsonl]

Minutes are of one core: each run has as many steps as that time holds by the CPU time of steps
measured first, at every side that the images pass through, and its own CPU time is written down.
`ablate` scores on the validation images, `compare` on the official test images.
"""

import argparse
import json
import platform
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import mean, median
from time import process_time

import numpy as np
import torch

from convatlas import models
from convatlas.data import Material, open_dataset
from convatlas.evaluation import evaluate, predictor_of
from convatlas.training import Learner, Length, situation_of, train
from convatlas.training._batches import Batches
from convatlas.training._precision import precision_that_pays
from convatlas.training._schedule import side_at
from convatlas.training.recipes import find

DATA = "fashion-mnist"
WITHOUT = {  # what `fast` is made of, taken away one by one: fields as `small-data` has them
    "bfloat16 where it is faster": ("precision",),
    "small first images": ("first_side", "full_side_at"),
    "triangle instead of cosine": ("schedule", "warmup_share"),
    "few validations": ("validations",),
}


def prepared(variant, cache):
    material = Material(
        open_dataset(DATA), cache, threads=1, progress=lambda *_: None, crop_share=None
    )
    dataset = material.dataset
    spec = models.spec_of(
        variant, num_classes=len(dataset.classes), in_channels=dataset.channels,
        input_side=dataset.native_side,
    )  # fmt: skip
    return material, spec


def seconds_of_an_image(recipe, material, variant, spec):
    """CPU time by side: median over steps, with making the batch."""
    family = models.family_of(variant)
    side = spec.input_side
    sides = sorted({side_at(recipe, step, side) for step in range(recipe.steps)})
    found = {}
    for one in sides:
        fixed = replace(recipe, first_side=1.0)
        batches = Batches(material.pixels("train", side), material.preprocessing(side), fixed)
        learner = Learner(family.build(spec), fixed)
        times = []
        for step in range(7):
            start = process_time()
            batch = batches.make(step)
            images = batch.images
            if one != side:
                images = torch.nn.functional.interpolate(images, (one, one), mode="bilinear")
            learner.learn(step, images, batch.labels)
            times.append(process_time() - start)
        found[one] = median(times[1:]) / recipe.batch_size
    return found


def planned(name, changes, material, variant, spec, *, minutes, seed):
    """The recipe with as many steps as the minutes hold."""
    situation = situation_of(material, variant, spec)

    if find(name).measures_precision and "precision" not in changes:
        plain = find(name).plan(situation, Length(steps=100))
        family = models.family_of(variant).name
        found = precision_that_pays(family, spec, plain, threads=1, seconds=20)
        changes["precision"] = found.chosen

    def of(steps):
        made = find(name).plan(situation, Length(steps=steps, seed=seed))
        return replace(made, **changes)

    probe = of(2000)
    costs = seconds_of_an_image(probe, material, variant, spec)
    step = mean(
        costs[side_at(probe, i, spec.input_side)] * probe.batch_size for i in range(probe.steps)
    )
    return of(max(10, round(60 * minutes / step)))


def run(name, changes, variant, *, minutes, seed, test):
    given, changes = changes, dict(changes)
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder)
        material, spec = prepared(variant, cache)
        recipe = planned(name, changes, material, variant, spec, minutes=minutes, seed=seed)
        side = spec.input_side
        start = process_time()
        result = train(
            models.family_of(variant).name, variant, spec,
            material.pixels("train", side), material.pixels("val", side),
            material.preprocessing(side), recipe, cache / "run", threads=1,
        )  # fmt: skip
        took = process_time() - start
        score = result.validation[-1]["accuracy"]
        if test:
            pixels, classes = material.pixels("test", side), material.dataset.classes
            scored = evaluate(
                predictor_of(result.net), pixels, material.preprocessing(side), classes
            )
            score = 100 - scored.top1_error
    return {
        "recipe": name, "changes": given, "precision": recipe.precision, "net": variant,
        "minutes": minutes, "seed": seed,
        "steps": recipe.steps, "batch_size": recipe.batch_size, "cpu_minutes": took / 60,
        "epochs": recipe.steps * recipe.batch_size / len(material.dataset.train),
        "accuracy": score, "images": "test" if test else "validation", "torch": torch.__version__,
        "cpu": torch.backends.cpu.get_cpu_capability(), "machine": platform.machine(),
    }  # fmt: skip


def values_of(name, variant):
    with tempfile.TemporaryDirectory() as folder:
        material, spec = prepared(variant, Path(folder))
        situation = situation_of(material, variant, spec)
    made = find(name).plan(situation, Length(steps=2000)).as_dict()
    return {**made, "precision": "measured"} if find(name).measures_precision else made


def jobs_of(arguments):
    if arguments.task == "compare":
        for minutes in arguments.minutes:
            for name in arguments.recipes:
                yield name, {}, minutes
        return
    ours, base = values_of("fast", arguments.net), values_of("small-data", arguments.net)
    minutes = arguments.minutes[0]
    yield "fast", {}, minutes
    for fields in WITHOUT.values():
        changes = {field: base[field] for field in fields if ours[field] != base[field]}
        if changes:
            yield "fast", changes, minutes
    yield "small-data", {}, minutes


def table(rows, columns):
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def grouped(lines, key):
    found = {}
    for line in lines:
        found.setdefault(key(line), []).append(line)
    return found


def name_of(line):
    if not line["changes"]:
        return f"`{line['recipe']}`"
    for name, fields in WITHOUT.items():
        if set(line["changes"]) <= set(fields):
            told = ", ".join(f"{k}={v}" for k, v in line["changes"].items())
            return f"`fast` without: {name} ({told})"
    return json.dumps(line["changes"])


def page(path, compare, ablation):
    def rows(lines):
        for key, group in grouped(lines, lambda x: (name_of(x), x["minutes"])).items():
            scores = [line["accuracy"] for line in group]
            spread = f" ± {np.std(scores, ddof=1):.2f}" if len(scores) > 1 else ""
            yield [
                key[0], group[0]["precision"], f"{key[1]:g}",
                f"{mean(x['cpu_minutes'] for x in group):.1f}",
                f"{group[0]['steps']:,} of {group[0]['batch_size']}", f"{group[0]['epochs']:.1f}",
                f"{mean(scores):.2f}{spread}", str(len(scores)),
            ]  # fmt: skip

    columns = [
        "recipe", "precision", "minutes asked", "CPU minutes", "steps", "epochs", "accuracy %",
        "seeds",
    ]  # fmt: skip
    first = compare[0]
    text = f"""# The recipe `fast`: accuracy by time

Made by `benchmarks/fast_recipe.py`. Fashion-MNIST; minutes are CPU minutes of one core
({first["cpu"]}, torch {first["torch"]}, one thread), so other work on the machine does not count.

## Against `small-data`, on the 10,000 test images ({first["net"]})

{table(list(rows(compare)), columns)}
"""
    if ablation:
        text += f"""
## What it is made of, on the validation images ({ablation[0]["net"]})

{table(list(rows(ablation)), columns)}
"""
    Path(path).write_text(text)


def read(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task", choices=["ablate", "compare", "page"])
    parser.add_argument("files", nargs="*")
    parser.add_argument("--net", default="resnet14_small")
    parser.add_argument("--minutes", type=float, nargs="+", default=[5.0])
    parser.add_argument("--recipes", nargs="+", default=["fast", "small-data"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out")
    arguments = parser.parse_args()
    if arguments.task == "page":
        path, compare, *ablation = arguments.files
        page(path, read(compare), [line for file in ablation for line in read(file)])
        return
    torch.set_num_threads(1)
    for seed in arguments.seeds:
        for name, changes, minutes in jobs_of(arguments):
            line = run(
                name, changes, arguments.net, minutes=minutes, seed=seed,
                test=arguments.task == "compare",
            )  # fmt: skip
            print(json.dumps(line), flush=True)
            if arguments.out:
                with open(arguments.out, "a") as file:
                    file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
