"""The guard between the layers: each may be called by the one above, and by itself."""

import sys
from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any, TypeVar

Guarded = TypeVar("Guarded", bound=type)


class LayerViolation(RuntimeError):  # noqa: N818 (the flow's own word for it)
    """Something called a layer that is not the one below it."""


def called_by(above: str) -> Callable[[Guarded], Guarded]:
    """Let the methods of a class be called by one module of the SDK, and by its own.

    It keeps honest code in its place.  Whoever changes this file, or calls around it, has changed
    what is measured, or the program that measures; docs/application-billing.md says what follows.

    Args:
        above: The module, such as ``security.core``.
    """

    def guard(layer: Guarded) -> Guarded:
        allowed = {f"{__package__}.{above}", layer.__module__}
        for name, member in [*vars(layer).items()]:
            if isinstance(member, FunctionType):
                setattr(layer, name, _guarded(member, allowed))
        return layer

    return guard


def _guarded(method: FunctionType, allowed: set[str]) -> Callable[..., Any]:
    @wraps(method)
    def call(*args: Any, **named: Any) -> Any:
        caller = sys._getframe(1).f_globals.get("__name__")
        if caller not in allowed:
            raise LayerViolation(f"{caller} may not call {method.__qualname__}")
        return method(*args, **named)

    return call
