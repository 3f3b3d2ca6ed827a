"""What layers, initializers, losses, optimizers and schedules have in common: frozen settings, compared by value."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass, fields
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def settings(cls: type[T]) -> type[T]:
    """A dataclass that `Settings` freezes, compares and prints: generating all that for every class would double the
    time of `import chainrule`."""
    return dataclass(eq=False, repr=False)(cls)


@settings
class Settings:
    """Equal where class and fields are; printed without the fields that have their default. A subclass that adds no
    fields needs no decorator."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self) or name not in self.__dataclass_fields__:
            raise FrozenInstanceError(f"cannot assign to {name!r} of {type(self).__name__}")
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"cannot delete {name!r} of {type(self).__name__}")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).items()))

    def __repr__(self) -> str:
        values: list[tuple[str, Any, Any]] = [(f.name, getattr(self, f.name), f.default) for f in fields(self)]
        shown = ", ".join(f"{name}={value!r}" for name, value, default in values if value != default)
        return f"{type(self).__name__}({shown})"
