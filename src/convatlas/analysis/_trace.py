"""From a network to its graph, without running it."""

from collections.abc import Iterator, Mapping, Sequence

from torch import fx, nn
from torch.fx.proxy import TraceError

from convatlas.analysis._graph import Graph, Node, Shape
from convatlas.analysis._operations import KINDS, operate
from convatlas.analysis._shapes import RULES, Misfit, ruled
from convatlas.errors import UserError
from convatlas.layers import JoinShuffle

_REMEDY = "Use another input size, or a net meant for this one."


def trace(net: nn.Module, shape: tuple[int, int, int]) -> Graph:
    """The layers of `net` in running order, with their output shapes for images of `shape`.

    The forward is followed symbolically and shapes are computed in closed form: nothing is run, so
    `net` may live on the meta device.

    Args:
        shape: channels, height, width.

    Raises:
        UserError: naming the layer, for a layer or operation that has no shape rule, and for
            images that a layer cannot take.
    """
    tracer = _Tracer()
    try:
        calls = tracer.trace(net)
    except TraceError as error:
        raise UserError(
            f"{type(net).__name__} cannot be traced: {error}. A forward may not depend on values "
            "or shapes; put such a step into a module with a shape rule."
        ) from error
    scopes = {name: path for name, (path, _) in tracer.node_name_to_scope.items()}
    return _Builder(dict(net.named_modules()), scopes, shape).build(calls)


class _Tracer(fx.Tracer):
    """Follows a forward down to the layers that have a shape rule."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return ruled(m) is not None or super().is_leaf_module(m, module_qualified_name)


class _Builder:
    """Turns fx's calls into nodes with shapes, in order."""

    def __init__(
        self, modules: Mapping[str, nn.Module], scopes: Mapping[str, str], shape: Shape
    ) -> None:
        self._modules = modules
        self._scopes = scopes
        self._shape = shape
        self._nodes: dict[str, Node] = {}  # by fx name
        self._uses: dict[str, int] = {}

    def build(self, calls: fx.Graph) -> Graph:
        for call in calls.nodes:
            if call.op == "output":
                return Graph(tuple(self._nodes.values()), self._output(call))
            self._nodes[call.name] = self._node(call)
        raise UserError("The net returns nothing. A net returns its logits, one tensor.")

    def _node(self, call: fx.Node) -> Node:
        if call.op == "placeholder":
            if self._nodes:
                raise UserError(f"The net takes a second input, {call.target!r}. It takes images.")
            return Node(name=self._unique("images"), kind="input", inputs=(), shape=self._shape)
        if call.op == "call_module":
            return self._layer(call)
        return self._operation(call)

    def _layer(self, call: fx.Node) -> Node:
        path = str(call.target)
        module = self._modules[path]
        kind = ruled(module)
        sources = [value for value in call.args if isinstance(value, fx.Node)]
        plain = len(sources) == len(call.args) == (2 if kind is JoinShuffle else 1)
        if kind is None or not plain or call.kwargs:
            raise UserError(_unknown(path, type(module).__name__))
        before = [self._nodes[source.name] for source in sources]
        try:
            shape = RULES[kind](module, *(node.shape for node in before))
        except Misfit as misfit:
            raise UserError(f"{path!r} ({kind.__name__}) {misfit}. {_REMEDY}") from None
        return Node(
            name=self._unique(path),
            kind=kind.__name__,
            inputs=tuple(node.name for node in before),
            shape=shape,
            module=module,
        )

    def _operation(self, call: fx.Node) -> Node:
        scope = self._scopes[call.name]
        known = call.op in ("call_function", "call_method") and call.target in KINDS
        if not known:
            target = getattr(call.target, "__name__", str(call.target))
            raise UserError(_unknown(scope, f"{call.op} {target}"))
        kind = KINDS[call.target]
        inputs = [self._nodes[node.name] for node in _sources(call)]
        try:
            shape, arguments = operate(kind, call, inputs)
        except Misfit as misfit:
            raise UserError(f"{kind!r} in {scope or 'the net'!r} {misfit}. {_REMEDY}") from None
        return Node(
            name=self._unique(f"{scope}.{kind}" if scope else kind),
            kind=kind,
            inputs=tuple(node.name for node in inputs),
            shape=shape,
            arguments=arguments,
        )

    def _output(self, call: fx.Node) -> str:
        result = call.args[0]
        if not isinstance(result, fx.Node):
            raise UserError("The net returns several values. A net returns its logits, one tensor.")
        return self._nodes[result.name].name

    def _unique(self, name: str) -> str:
        self._uses[name] = count = self._uses.get(name, 0) + 1
        return name if count == 1 else f"{name}:{count}"


def _sources(call: fx.Node) -> Iterator[fx.Node]:
    """What a call reads, in order and as often as it does; joined tensors come in a list."""
    for argument in (*call.args, *call.kwargs.values()):
        for value in argument if isinstance(argument, Sequence) else (argument,):
            if isinstance(value, fx.Node):
                yield value


def _unknown(path: str, kind: str) -> str:
    known = ", ".join(sorted(layer.__name__ for layer in RULES))
    return (
        f"{path or 'the net'!r} uses {kind}, which has no shape rule. Known layers: {known}; "
        f"known operations: {', '.join(sorted(set(KINDS.values())))}."
    )
