"""The backward pass: saved tensors go as they are used, gradients come and are added up.

Autograd runs the layers in the reverse of their order; a gradient that arrives second is added to
the first in place if nobody else holds the first and it is in one piece.
"""

from math import prod

from convatlas.analysis._layer import Layer, apart, parameters_of
from convatlas.analysis.training_memory._forward import Job
from convatlas.analysis.training_memory._ledger import Ledger
from convatlas.analysis.training_memory._values import Entry, Gradient, Value


class Backward:
    """Runs the entries of a forward pass in reverse over its ledger."""

    def __init__(self, job: Job, ledger: Ledger) -> None:
        self._job = job
        self._ledger = ledger
        self._gradients: dict[str, Gradient] = {}
        self._slices: dict[str, list[Gradient]] = {}
        self._parameters: set[int] = set()

    def run(self, entries: list[Entry], logits: Gradient) -> None:
        """From the gradient of the logits to those of all parameters."""
        self._gradients[self._job.graph.output] = logits
        while entries:
            entry = entries.pop()
            self._ledger.layer = entry.layer.node.name
            found = self._found(entry)
            if found is None:
                self._forget(entry)
            else:
                self._run(entry, found)

    def _forget(self, entry: Entry) -> None:
        for storage in entry.held:
            self._ledger.release(storage)

    def _found(self, entry: Entry) -> Gradient | None:
        name = entry.layer.node.name
        if entry.row.gradient != "gathered":
            return self._gradients.pop(name, None)
        slices = self._slices.pop(name, None)
        if slices is None:
            return None
        whole = self._ledger.allocate(entry.layer.output)
        for part in slices:
            self._ledger.release(part.storage)
        return Gradient(whole)

    def _run(self, entry: Entry, given: Gradient) -> None:
        layer, ledger = entry.layer, self._ledger
        made = [
            (name, value, self._gradient(entry, given, name, value))
            for name, value in zip(layer.node.inputs, entry.inputs, strict=True)
            if value.needs_gradient
        ]
        self._learn(layer)
        copy = layer.output if given.sliced and entry.row.whole else 0
        ledger.touch(entry.row.backward(layer) + copy)
        ledger.release(given.storage)
        self._forget(entry)
        for name, value, gradient in made:
            if name in entry.casts:
                gradient = self._uncast(name, value, gradient)
            if layer.node.kind == "getitem":
                self._slices.setdefault(name, []).append(gradient)
            else:
                self._arrive(name, value, gradient)

    def _gradient(self, entry: Entry, given: Gradient, name: str, value: Value) -> Gradient:
        layer, kind = entry.layer, entry.row.gradient
        negated = kind == "negated" and name != layer.node.inputs[0]
        if (
            kind in ("same", "negated", "gathered")
            and not negated
            and self._elements(name) == layer.elements
        ):
            return Gradient(self._ledger.hold(given.storage), given.sliced)
        if kind == "reordered":
            return Gradient(self._ledger.hold(given.storage), sliced=True)
        if kind == "slice":
            several = len(layer.node.inputs) > 1
            return Gradient(self._ledger.hold(given.storage), several and apart(layer))
        width = layer.width if name in entry.casts else value.width
        scattered = kind == "spread" and layer.conditions.channels_last
        return Gradient(self._ledger.allocate(self._elements(name) * width), scattered)

    def _elements(self, name: str) -> int:
        return self._job.batch * prod(self._job.graph[name].shape)

    def _learn(self, layer: Layer) -> None:
        """Gradients of the layer's parameters; they stay until the next step begins."""
        for parameter in parameters_of(layer.node):
            size = parameter.numel() * self._job.width
            if id(parameter) in self._parameters:
                self._ledger.touch(size)
            else:
                self._parameters.add(id(parameter))
                self._ledger.allocate(size)

    def _uncast(self, name: str, value: Value, gradient: Gradient) -> Gradient:
        """In the precision of the tensor that autocast had copied."""
        whole = self._ledger.allocate(self._elements(name) * value.width)
        self._ledger.release(gradient.storage)
        return Gradient(whole)

    def _arrive(self, name: str, value: Value, new: Gradient) -> None:
        old = self._gradients.get(name)
        if old is None:
            self._gradients[name] = new
        elif old.storage.holders == 1 and not old.sliced:
            self._ledger.release(new.storage)
        else:
            total = self._ledger.allocate(self._elements(name) * value.width)
            self._ledger.release(old.storage)
            self._ledger.release(new.storage)
            self._gradients[name] = Gradient(total)
