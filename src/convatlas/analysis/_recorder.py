"""What a forward does with its images, written down node by node."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any
from weakref import ref

import torch
from torch import nn

from convatlas.analysis._counting import VIEWS
from convatlas.analysis._elsewhere import Outcome, compute
from convatlas.analysis._functions import as_layer
from convatlas.analysis._ghost import Full, Ghost, found
from convatlas.analysis._graph import Graph, Node, Shape
from convatlas.analysis._operations import operate, plain_kind
from convatlas.analysis._shapes import RULES, Misfit, ruled
from convatlas.analysis._words import words
from convatlas.errors import UserError

BATCH = 2  # images in the forward that is followed: two tell the batch from other sides of one
_REMEDY = "Use another input size, or a net meant for this one."
_VALUES = words(
    "__bool__ __int__ __float__ __index__ __complex__ item tolist numpy __array__ nonzero"
)
_SAME = words("detach requires_grad_ cpu cuda float double half bfloat16 to data")


@dataclass(frozen=True, slots=True)
class _Memory:
    """Where an output lies: in its own memory, or in that of the source of number `owner`."""

    owner: int | None = None
    in_place: bool = False
    strides: Full | None = None
    dtype: torch.dtype | None = None


_OWN, _VIEW, _OVER = _Memory(), _Memory(owner=0), _Memory(owner=0, in_place=True)


@dataclass(slots=True)
class _Entry:
    """A node that is being written."""

    name: str
    kind: str
    inputs: tuple[int, ...]
    full: Full
    owner: int
    dies: int
    module: nn.Module | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    parameters: tuple[nn.Parameter, ...] = ()
    in_place: bool = False
    known: bool = True

    def node(self, entries: Sequence["_Entry"]) -> Node:
        return Node(
            name=self.name,
            kind=self.kind,
            inputs=tuple(entries[place].name for place in self.inputs),
            shape=per_image(self.full),
            module=self.module,
            arguments=self.arguments,
            parameters=self.parameters,
            owner=entries[self.owner].name,
            in_place=self.in_place,
            known=self.known,
            dies=self.dies,
        )


def per_image(full: Full) -> Shape:
    """A shape without the batch, which is the first side or, in views, a factor of it."""
    if full and full[0] in (BATCH, 1):  # 1: the same for all images
        return full[1:]
    if full and full[0] % BATCH == 0:
        return (full[0] // BATCH, *full[1:])
    size = prod(full)
    return (size // BATCH,) if size % BATCH == 0 and size else full


class Recorder:
    """Follows one forward; `scope` is the path of the module that runs."""

    def __init__(self, paths: Mapping[int, str], like: tuple[torch.dtype, torch.device]) -> None:
        self.entered: set[int] = set()  # modules whose forward ran, or whose rule stood for it
        self.read: set[int] = set()  # parameters that were read
        self._paths = paths
        self._like = like
        self._scopes = [""]
        self._entries: list[_Entry] = []
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
        try:
            return forward(module, *args, **kwargs)
        finally:
            self._scopes.pop()

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
        layer = as_layer(name, args, kwargs)
        kind = None if layer is None else ruled(layer)
        if layer is not None and kind is not None:
            source = args[0] if args else kwargs["input"]
            return self._layer(self._path(kind.__name__), kind, layer, (source,))
        ghosts = found(args, kwargs)
        inputs = [self._seen(ghost) for ghost in ghosts]
        batched = all(ghost.full[:1] == (BATCH,) for ghost in ghosts)
        plain = plain_kind(name, (args, kwargs), inputs) if batched else None
        if plain is not None:
            return self._plain(plain, name, (args, kwargs), ghosts, inputs)
        return self._elsewhere(func, name, args, kwargs)

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
        over = _OVER if getattr(module, "inplace", False) else _OWN
        return self._added(
            path,
            kind.__name__,
            args,
            (*batch, *shape),
            _VIEW if kind.__name__ in VIEWS else over,
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
            _OVER if name.endswith("_") else _VIEW if kind in VIEWS else _OWN,
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
                _VIEW,
                arguments={"index": index},
            )
            for index, size in enumerate(arguments["sizes"])
        )

    def _elsewhere(
        self, func: Callable[..., Any], name: str, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        ghosts = found(args, kwargs)
        try:
            computed = compute(func, name, args, kwargs, ghosts)
        except (RuntimeError, ValueError, TypeError, IndexError, NotImplementedError) as error:
            shapes = ", ".join(str(per_image(ghost.full)) for ghost in ghosts)
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UserError(
                f"{name!r} in {self._scopes[-1] or 'the net'!r} cannot take {shapes}: {reason}"
            ) from error
        readers = {id(p): p for p in (*args, *kwargs.values()) if isinstance(p, nn.Parameter)}
        extra: dict[str, Any] = {
            "known": computed.known,
            "parameters": tuple(readers.values()),
            "arguments": {"mult_adds": computed.mult_adds // BATCH} if computed.mult_adds else {},
        }
        return self._wrapped(computed.structure, name, ghosts, extra)

    def _wrapped(
        self, outcome: Any, name: str, ghosts: Sequence[Ghost], extra: dict[str, Any]
    ) -> Any:
        if isinstance(outcome, tuple):
            return tuple(self._wrapped(item, name, ghosts, extra) for item in outcome)
        if not isinstance(outcome, Outcome):
            return outcome
        in_place = outcome.source is not None and name.endswith("_") and name[:2] != "__"
        memory = _Memory(outcome.source, in_place, outcome.strides, outcome.dtype)
        kind = name.strip("_")
        return self._added(self._path(kind), kind, ghosts, outcome.full, memory, **extra)

    def _added(
        self,
        name: str,
        kind: str,
        sources: Sequence[Ghost],
        full: Full,
        memory: _Memory = _OWN,
        **rest: Any,
    ) -> Ghost:
        place = len(self._entries)
        inputs = tuple(ghost.place for ghost in sources)
        owner = place if memory.owner is None else self._entries[inputs[memory.owner]].owner
        name = self._unique(name)
        entry = _Entry(name, kind, inputs, full, owner, place, in_place=memory.in_place, **rest)
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
    def _where(self) -> str:
        scope = self._scopes[-1]
        return f"The forward of {scope!r}" if scope else "The net's forward"

    def _path(self, kind: str) -> str:
        scope = self._scopes[-1]
        return f"{scope}.{kind}" if scope else kind

    def _unique(self, name: str) -> str:
        self._uses[name] = count = self._uses.get(name, 0) + 1
        return name if count == 1 else f"{name}:{count}"
