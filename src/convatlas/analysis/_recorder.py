"""What a forward does with its images, written down node by node."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any
from weakref import ref

import torch
from torch import nn

from convatlas.analysis._counting import VIEWS, WEIGHTED
from convatlas.analysis._elsewhere import Computed, Outcome, compute, of_kind, parameters_in
from convatlas.analysis._entry import BATCH, OVER, OWN, VIEW, Entry, Memory, per_image
from convatlas.analysis._functions import as_layer
from convatlas.analysis._ghost import Full, Ghost, found
from convatlas.analysis._graph import Graph, Node, Shape
from convatlas.analysis._operations import operate, plain_kind
from convatlas.analysis._shapes import RULES, Misfit, ruled
from convatlas.analysis._words import words
from convatlas.errors import UserError

_REMEDY = "Use another input size, or a net meant for this one."
_VALUES = words(
    "__bool__ __int__ __float__ __index__ __complex__ item tolist numpy __array__ nonzero"
)
_SAME = words("detach requires_grad_ cpu cuda float double half bfloat16 to data")

_SIDES = dict.fromkeys(
    (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d), 4
)  # of a batch of maps; the functions of these layers take other tensors too


class Recorder:
    """Follows one forward; `scope` is the path of the module that runs."""

    def __init__(self, paths: Mapping[int, str], like: tuple[torch.dtype, torch.device]) -> None:
        self.entered: set[int] = set()  # modules whose forward ran, or whose rule stood for it
        self.read: set[int] = set()  # parameters that were read
        self._paths = paths
        self._like = like
        self._scopes = [""]
        self._entries: list[Entry] = []
        self._uses: dict[str, int] = {}
        self._deaths: list[Any] = []

    def images(self, shape: Shape) -> Ghost:
        """The first node."""
        return self._added("images", "input", (), (BATCH, *shape))

    def call(self, module: nn.Module, forward: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """A module's call: one node where a rule says its shape, else whatever its forward does."""
        path = self._paths.get(id(module), type(module).__name__)
        self.entered.add(id(module))
        kind = ruled(module)
        if kind is not None and not kwargs and all(type(arg) is Ghost for arg in args):
            return self._layer(path or kind.__name__, kind, module, args)
        self._scopes.append(path)
        start = len(self._entries)
        try:
            result = forward(module, *args, **kwargs)
        finally:
            self._scopes.pop()
        self._assign(module, path, start)
        return result

    def operation(
        self, func: Callable[..., Any], name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        """A function or method on ghosts."""
        if name in _SAME:
            return args[0]
        if name in _VALUES:
            raise UserError(
                f"{self._where} asks for the values of its images or features ({name}), which are "
                "not there before the net runs. A forward may depend on shapes, not on values."
            )
        if name == "__setitem__":
            return self._overwrite(func, args)
        ghosts = found(args, kwargs)
        layer = as_layer(name, args, kwargs) if _is_first(ghosts, args, kwargs) else None
        kind = None if layer is None else ruled(layer)
        if layer is not None and kind is not None and len(ghosts[0].full) >= _SIDES.get(kind, 0):
            return self._layer(self._path(kind.__name__), kind, layer, ghosts)
        inputs = [self._seen(ghost) for ghost in ghosts]
        batched = all(ghost.full[:1] == (BATCH,) for ghost in ghosts)
        plain = plain_kind(name, (args, kwargs), inputs) if batched else None
        if plain is not None:
            return self._plain(plain, name, (args, kwargs), ghosts, inputs)
        return self._elsewhere(func, name, args, kwargs)

    def _assign(self, module: nn.Module, path: str, start: int) -> None:
        """Parameters that reach an operation of `module` as something computed, to that operation.

        A standardised kernel is made of weights alone; the convolution with it reads them.
        """
        if not module._parameters:
            return
        here = self._entries[start:]
        read = {id(parameter) for entry in here for parameter in entry.parameters}
        left = tuple(p for p in module._parameters.values() if p is not None and id(p) not in read)
        if not left:
            return
        own = [e for e in here if e.name.rpartition(".")[0] == path and e.of_function(self._paths)]
        own.sort(key=lambda entry: entry.kind not in WEIGHTED)
        if own:
            own[0].parameters += left
            self.read.update(map(id, left))

    def graph(self, outputs: Sequence[Ghost], params: int, unread: Mapping[str, int]) -> Graph:
        """What was written; the outputs outlive everything.

        Args:
            params: elements of all parameters.
            unread: those that the forward did not read, with their elements.
        """
        last = len(self._entries) - 1
        for ghost in outputs:
            self._entries[ghost.place].dies = last
        self._entries[0].dies = last  # the images are the caller's
        nodes = tuple(entry.node(self._entries) for entry in self._entries)
        names = tuple(self._entries[ghost.place].name for ghost in outputs)
        unread_elements = sum(unread.values())
        return Graph(nodes, names, params - unread_elements, tuple(unread), unread_elements)

    def _layer(
        self, path: str, kind: type[nn.Module], module: nn.Module, args: Sequence[Ghost]
    ) -> Ghost:
        batch = args[0].full[:1]
        try:
            shape = RULES[kind](module, *(ghost.full[1:] for ghost in args))
        except Misfit as misfit:
            raise UserError(f"{path!r} ({kind.__name__}) {misfit}. {_REMEDY}") from None
        except TypeError:
            raise UserError(
                f"{path!r} ({kind.__name__}) gets {len(args)} inputs. It takes another number."
            ) from None
        over = OVER if getattr(module, "inplace", False) else OWN
        return self._added(
            path,
            kind.__name__,
            args,
            (*batch, *shape),
            VIEW if kind.__name__ in VIEWS else over,
            module=module,
            parameters=tuple(module.parameters()),
        )

    def _plain(
        self,
        kind: str,
        name: str,
        given: tuple[Sequence[Any], Mapping[str, Any]],
        ghosts: Sequence[Ghost],
        inputs: Sequence[Node],
    ) -> Any:
        try:
            shape, arguments = operate(kind, given, inputs)
        except Misfit as misfit:
            raise UserError(
                f"{kind!r} in {self._scopes[-1] or 'the net'!r} {misfit}. {_REMEDY}"
            ) from None
        result = self._added(
            self._path(kind),
            kind,
            ghosts,
            (ghosts[0].full[0], *shape),
            OVER if name.endswith("_") else VIEW if kind in VIEWS else OWN,
            arguments=arguments,
        )
        return self._chunks(result, shape, arguments) if kind == "chunk" else result

    def _chunks(
        self, whole: Ghost, shape: Shape, arguments: Mapping[str, Any]
    ) -> tuple[Ghost, ...]:
        batch = whole.full[0]
        return tuple(
            self._added(
                self._path("getitem"),
                "getitem",
                (whole,),
                (batch, size, *shape[1:]),
                VIEW,
                arguments={"index": index},
            )
            for index, size in enumerate(arguments["sizes"])
        )

    def _overwrite(self, func: Callable[..., Any], args: Sequence[Any]) -> None:
        """`target[index] = value`: written over a part of `target`."""
        target, index, _ = args
        if not isinstance(target, Ghost):
            raise UserError(
                f"{self._where} writes features into a tensor that is not made from its images, "
                "where they cannot be followed. Make that tensor from features (new_zeros, "
                "zeros_like), or join them with torch.cat."
            )
        self._computed(func, "setitem", args, {}, found(args, {}))
        part = self._computed(torch.Tensor.__getitem__, "getitem", (target, index), {}, [target])
        written = prod(per_image(part.structure.full))
        arguments, path = {"written": written}, self._path("setitem")
        self._added(path, "setitem", found(args, {}), target.full, OVER, arguments=arguments)

    def _elsewhere(
        self, func: Callable[..., Any], name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        ghosts = found(args, kwargs)
        computed = self._computed(func, name, args, kwargs, ghosts)
        extra: dict[str, Any] = {
            "known": computed.known,
            "parameters": parameters_in((*args, *kwargs.values())),
            "arguments": {"mult_adds": computed.mult_adds // BATCH} if computed.mult_adds else {},
        }
        return self._wrapped(computed.structure, name, ghosts, extra)

    def _computed(
        self,
        func: Callable[..., Any],
        name: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        ghosts: Sequence[Ghost],
    ) -> Computed:
        try:
            return compute(func, name, args, kwargs, ghosts)
        except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError) as error:
            shapes = ", ".join(str(per_image(ghost.full)) for ghost in ghosts)
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(
                f"{name!r} in {self._scopes[-1] or 'the net'!r} cannot take {shapes}: {reason}"
            ) from error

    def _wrapped(
        self, outcome: Any, name: str, ghosts: Sequence[Ghost], extra: dict[str, Any]
    ) -> Any:
        """Nodes in the places of outcomes; what the call computes and reads is the first's."""
        if isinstance(outcome, list | tuple):
            items = []
            for item in outcome:
                items.append(self._wrapped(item, name, ghosts, extra))
                if isinstance(item, Outcome):
                    extra = {"known": extra["known"], "arguments": {"further": True}}
            return of_kind(outcome, items)
        if not isinstance(outcome, Outcome):
            return outcome
        in_place = outcome.source is not None and name.endswith("_") and name[:2] != "__"
        memory = Memory(outcome.source, in_place, outcome.strides, outcome.dtype)
        kind = name.strip("_")
        return self._added(self._path(kind), kind, ghosts, outcome.full, memory, **extra)

    def _added(
        self,
        name: str,
        kind: str,
        sources: Sequence[Ghost],
        full: Full,
        memory: Memory = OWN,
        **rest: Any,
    ) -> Ghost:
        place = len(self._entries)
        inputs = tuple(ghost.place for ghost in sources)
        owner = place if memory.owner is None else self._entries[inputs[memory.owner]].owner
        name = self._unique(name)
        entry = Entry(name, kind, inputs, full, owner, place, in_place=memory.in_place, **rest)
        self._entries.append(entry)
        self.read.update(map(id, entry.parameters))
        if memory.owner is not None and memory.in_place:  # the same tensor, with other values
            ghost = sources[memory.owner]
            self._entries[ghost.place].dies = place
            ghost.place = place
            return ghost
        like = (memory.dtype or self._like[0], self._like[1])
        ghost = Ghost(full, listener=self, place=place, like=like, strides=memory.strides)
        self._deaths.append(ref(ghost, self._mourner(ghost.place)))
        return ghost

    def _mourner(self, place: int) -> Callable[[Any], None]:
        entries = self._entries

        def note(_: Any) -> None:
            entries[place].dies = len(entries) - 1

        return note

    def _seen(self, ghost: Ghost) -> Node:
        return self._entries[ghost.place].node(self._entries)

    @property
    def place(self) -> str:
        """Where the forward is, for messages."""
        return f"after {self._entries[-1].name!r}" if len(self._entries) > 1 else "at once"

    @property
    def _where(self) -> str:
        scope = self._scopes[-1]
        return f"The forward of {scope!r}" if scope else "The net's forward"

    def _path(self, kind: str) -> str:
        scope = self._scopes[-1]
        return f"{scope}.{kind}" if scope else kind

    def _unique(self, name: str) -> str:
        self._uses[name] = count = self._uses.get(name, 0) + 1
        return name if count == 1 else f"{name}:{count}"


def _is_first(ghosts: Sequence[Ghost], args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether only the first argument of a call depends on the images."""
    return len(ghosts) == 1 and ghosts[0] is (args[0] if args else kwargs.get("input"))
