"""How a net is trained, as data: everything but the images and the net decides the weights."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from convatlas.data import Augmentation
from convatlas.errors import UnknownName, UserError
from convatlas.training._recipe_fields import (
    Average,
    ClassWeights,
    Initial,
    Norms,
    NotFinite,
    Optimizer,
    Precision,
    Recompute,
    Sampler,
    Schedule,
    Warmup,
    checked,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides the final weights but the net and its images.

    Times in a run are shares of its steps, so a shorter run keeps the shape of a longer one.

    Raises:
        UserError: for a value out of its range; the message says the range.
    """

    name: str = "default"

    # What a step sees.
    steps: int = 1000
    batch_size: int = 128  # images of a step, over all processes and micro-batches
    micro_batches: int = 1  # parts that a process works through one by one; norms see a part
    sampler: Sampler = "shuffled"  # "balanced": every class equally often
    augmentation: Augmentation = field(default_factory=Augmentation)
    first_side: float = 1.0  # share of the input's side that training begins with
    full_side_at: float = 1.0  # share of the steps after which the side is full; grows linearly
    seed: int = 0

    # How weights move.
    optimizer: Optimizer = "sgd"
    learning_rate: float = 0.1  # the highest
    momentum: float = 0.9  # of "sgd", "sgd_inside", "rmsprop"; first beta of "adam" and "adamw"
    nesterov: bool = True  # of "sgd"
    squares: float = 0.999  # decay of the mean square: second beta, or rho of "rmsprop"
    epsilon: float = 1e-8  # beside the mean square: outside the root, inside with "rmsprop"
    weight_decay: float = 5e-4  # of weights of more than one axis
    decay_spared: float = 0.0  # weight decay of biases and norms
    decay_depthwise: float | None = None  # weight decay of depthwise filters; None: as the others
    body_rate: float = 1.0  # learning rate of all but classifiers, as a share of the rate
    norms: Norms = "trained"  # "frozen": batch norms keep their statistics, scales and shifts
    gradient_clip: float | None = None  # largest norm of all gradients together
    initial: Initial = "own"  # weights at the start, where no others are given

    # The learning rate over the run.
    schedule: Schedule = "cosine"
    warmup_share: float = 0.1  # of the steps
    warmup: Warmup = "linear"
    warmup_start: float = 0.0  # share of the rate where the warm-up begins
    milestones: tuple[float, ...] = ()  # of "steps": shares of the run, `decay_factor` at each
    decay_factor: float = 0.1  # of "steps", "exponential" and "plateau"
    decay_every: float = 0.1  # of "exponential": share of the run between two decays
    power: float = 1.0  # of "polynomial"
    patience: int = 5  # of "plateau": validations without a lower error
    decays: int = 3  # of "plateau": at most
    validations: int = 10  # in a run, the last at its end

    # What is minimised.
    label_smoothing: float = 0.1
    auxiliary_weight: float = 0.3  # of the loss of each auxiliary head, where the net has some
    class_weights: ClassWeights = "none"
    mixup: float = 0.0  # alpha of the mixing share's Beta distribution; 0: none
    cutmix: float = 0.0  # likewise; with both, each step takes one of them at random
    distillation: float = 0.0  # share of the loss that compares with a teacher
    temperature: float = 1.0  # of the teacher's and the student's probabilities
    group_lasso: float = 1e-5  # weight of the penalty of layers that condense; others have none

    # What is kept, and how it is computed.
    average: Average = "ema"
    ema_decay: float = 0.99  # of "ema": 0 gives the last weights
    average_from: float = 0.0  # of "uniform": share of the steps before the first that counts
    precision: Precision = "float32"
    sync_norms: bool = False  # batch norms see the images of all processes
    recompute: Recompute = "none"  # what is computed again for gradients instead of kept
    on_not_finite: NotFinite = "stop"

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name or len(self.name) > 200:
            raise UserError(f"name={self.name!r} of a recipe is not a text of 1 to 200 letters.")
        if not isinstance(self.augmentation, Augmentation):
            raise UserError(
                f"augmentation={self.augmentation!r} of a recipe is not an Augmentation."
            )
        for part in fields(self):
            if part.name not in ("name", "augmentation"):
                value = checked(part.name, getattr(self, part.name))
                object.__setattr__(self, part.name, value)
        if self.batch_size % self.micro_batches:
            raise UserError(
                f"micro_batches={self.micro_batches} does not divide batch_size={self.batch_size}. "
                "Use a divisor."
            )

    def as_dict(self) -> dict[str, Any]:
        """The recipe as JSON holds it."""
        return {
            **asdict(self),
            "milestones": list(self.milestones),
            "augmentation": self.augmentation.as_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """The recipe that `as_dict` gave; fields left out have their defaults.

        Raises:
            UnknownName: for a field that no recipe has, with the nearest names.
            UserError: for a value out of its range.
        """
        given = known(values, cls, "recipe")
        if "augmentation" in given and not isinstance(given["augmentation"], Augmentation):
            given["augmentation"] = Augmentation.from_dict(given["augmentation"])
        return cls(**given)


def known(values: Any, kind: type, what: str) -> dict[str, Any]:
    """`values`, if they are fields of `kind`.

    Raises:
        UnknownName: for another field, with the nearest names.
        UserError: if they are not fields with values at all.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"{values!r} is not a {what}: give its fields with their values.")
    names = [f.name for f in fields(kind)]
    for name in values:
        if name not in names:
            raise UnknownName(f"{what} field", str(name), names, f"convatlas.training.{what}")
    return dict(values)
