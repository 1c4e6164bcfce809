"""An ONNX graph that is being written."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from convatlas.analysis import Graph, Node
from convatlas.deployment._extra import load_onnx

INPUT = "images"
OUTPUT = "logits"
BATCH = "n"
OPSET = 18
IR_VERSION = 8  # what opset 18 came with; old runtimes read it

Array = npt.NDArray[Any]


class Draft:
    """Operators and weights written so far; the values of a net's nodes by the nodes' names."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.parts: dict[str, list[str]] = {}  # values of the pieces of split nodes
        self._onnx = load_onnx()
        self._values = {graph.input.name: INPUT}
        self._taken = {INPUT, OUTPUT}
        self._operators: list[Any] = []
        self._weights: dict[str, Array] = {}

    def inputs(self, node: Node) -> list[str]:
        """The values that `node` reads."""
        return [self._values[name] for name in node.inputs]

    def finish(self, node: Node, value: str) -> None:
        """Say that `node` has been computed as `value`."""
        self._values[node.name] = value

    def emit(
        self,
        operator: str,
        inputs: Sequence[str],
        name: str,
        *,
        outputs: int = 1,
        **attributes: Any,
    ) -> list[str]:
        """Add an operator; the values it computes are called after `name`.

        Args:
            attributes: of the operator, as ONNX names them.
        """
        names = [name] if outputs == 1 else [f"{name}/{i}" for i in range(outputs)]
        values = [self._unique(n) for n in names]
        made = self._onnx.helper.make_node(operator, inputs, values, name=values[0], **attributes)
        self._operators.append(made)
        return values

    def store(self, name: str, array: Array) -> str:
        """Keep a constant under `name`; equal constants of one name are kept once."""
        present = self._weights.get(name)
        if present is not None:
            if present.shape == array.shape and np.array_equal(present, array):
                return name
            name = self._unique(name)
        self._taken.add(name)
        self._weights[name] = array
        return name

    def model(self, shape: tuple[int, ...], producer: str, metadata: Mapping[str, str]) -> bytes:
        """The whole file, with one output, the value of the net's last node."""
        helper = self._onnx.helper
        self._name_output()
        float32 = self._onnx.TensorProto.FLOAT
        result = self.graph[self.graph.output].shape
        graph = helper.make_graph(
            self._operators,
            "convatlas",
            [helper.make_tensor_value_info(INPUT, float32, [BATCH, *shape])],
            [helper.make_tensor_value_info(OUTPUT, float32, [BATCH, *result])],
            [self._onnx.numpy_helper.from_array(a, n) for n, a in self._weights.items()],
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="convatlas",
            producer_version=producer,
        )
        helper.set_model_props(model, dict(sorted(metadata.items())))
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def _name_output(self) -> None:
        last = self._values[self.graph.output]
        makers = [o for o in self._operators if last in o.output]
        readers = [o for o in self._operators if last in o.input]
        if not makers or readers:
            self._operators.append(self._onnx.helper.make_node("Identity", [last], [OUTPUT]))
            return
        (maker,) = makers
        maker.output[list(maker.output).index(last)] = OUTPUT

    def _unique(self, name: str) -> str:
        candidate, count = name, 1
        while candidate in self._taken:
            count += 1
            candidate = f"{name}:{count}"
        self._taken.add(candidate)
        return candidate
