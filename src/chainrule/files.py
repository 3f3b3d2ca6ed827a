"""One file holds a model: safetensors with the parameters under their names, everything else as JSON in its metadata.

Reading executes nothing: tensors are bytes, classes are looked up in the registries. Writing goes beside the name and
is renamed, so that a file is whole or not there.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.arrays import Array, aligned
from chainrule.config import from_config, to_config
from chainrule.data.encoder import Encoder
from chainrule.errors import InputError, require_count, require_file
from chainrule.history import History
from chainrule.optimizers import OPTIMIZERS
from chainrule.plan import Plan
from chainrule.targets import TARGETS, Labels, Target, Values

if TYPE_CHECKING:
    from chainrule.network import Network
    from chainrule.state import State

VERSION = 1
KEY = "chainrule"
MOMENTS = "moments"
LARGEST = 2**63 - 1  # of a count


def save(net: Network, path: str | Path, *, resume: bool = False) -> None:
    """Write the network, its target, encoder and history; with `resume` the optimizer's moments too."""
    from safetensors.numpy import save as to_bytes

    state = net.state
    description = {
        "version": VERSION,
        "layers": to_config(net.layers),
        "loss": to_config(net.loss),
        "n_in": net.n_in,
        "seed": net.seed,
        "dtype": net.dtype.name,
        "l2": net.objective.l2,
        "l1": net.objective.l1,
        "penalty_by_batch": net.objective.by_batch,
        "target": to_config(net.target),
        "encoder": to_config(net.encoder),
        "history": net.history.to_config() if net.history else None,
        "epoch": state.epoch,
        "step": state.step if resume else 0,
        "optimizer": state.optimizer if resume else None,
        "info": net.info,
    }
    if resume and state.optimizer not in (None, *OPTIMIZERS):
        name = state.optimizer
        raise InputError(
            f"save: {name} is not registered; add it with chainrule.optimizers.OPTIMIZERS[{name!r}] = {name}"
        )
    tensors = {label: np.ascontiguousarray(view) for label, view in state.named.items()}
    if resume and len(state.moments):
        tensors[MOMENTS] = state.moments
    for label, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            wrong = tensor[~np.isfinite(tensor)][0]
            raise InputError(f"{path}: not written, for {label} holds {wrong}: expected finite numbers")
    write(path, to_bytes(tensors, {KEY: _json(description)}))


def _json(description: dict[str, Any]) -> str:
    try:
        return json.dumps(description, allow_nan=False)
    except (TypeError, ValueError) as error:  # all but `info` is made of plain values
        raise InputError(f"save: info: expected plain JSON, got {description['info']!r} ({error})") from None


def require_writable(*paths: str | Path | None, reads: Iterable[str | Path | None] = ()) -> None:
    """InputError where a file of one of these names cannot be written, or is another of them or one that is read; asked
    before hours of training, not after."""
    others = [(name, "read") for name in reads if name is not None]
    for path in paths:
        if path is not None:
            _require_place(path)
            for other, how in others:
                if _is_same(path, other):
                    raise InputError(f"{path}: expected a file of its own to write, got {other}, which is {how} too")
            others.append((path, "written"))


def _is_same(path: str | Path, other: str | Path) -> bool:
    """Whether to write one is to lose the other: under any name, also of a file that is not there yet."""
    if _is_special(Path(path)):
        return False
    there = os.path.exists(path) and os.path.exists(other)
    return os.path.samefile(path, other) if there else os.path.realpath(path) == os.path.realpath(other)


def _require_place(path: str | Path) -> None:
    folder, path = str(path).endswith(os.sep), Path(path)
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:  # too long a name, or a folder that cannot be looked into
        raise InputError(f"{path}: cannot write there ({error.strerror})") from None
    if folder or path.is_dir():
        raise InputError(f"{path}: expected the name of a file, got a folder")
    if path.exists() and not os.access(path, os.W_OK):
        raise InputError(f"{path}: cannot write there (no permission)")
    if _is_special(path):
        return
    place = _followed(path)
    if not place.parent.is_dir():
        raise InputError(f"{path}: cannot write there (no such folder)")
    if not os.access(place.parent, os.W_OK):
        raise InputError(f"{path}: cannot write there (no permission)")


def _followed(path: Path) -> Path:
    """Where a link leads, for that is the file to replace."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def _is_special(path: Path) -> bool:
    """Whether there is a device, a pipe or a socket, or a file that somebody has open, by the name of /dev/stdout: what
    has to stay, whatever is written to it."""
    is_open = os.path.abspath(path).startswith(("/dev/std", "/dev/fd/", "/proc/"))
    return path.exists() and not path.is_dir() and (is_open or not path.is_file())


def write(path: str | Path, content: bytes | str) -> None:
    """Write beside the name, then rename: never half a file. A device or a pipe is written to."""
    _require_place(path)
    path = Path(path)
    content = content.encode() if isinstance(content, str) else content
    if _is_special(path):
        try:
            with path.open("ab") as file:  # behind what was written before
                file.write(content)
        except OSError as error:
            raise InputError(f"{path}: cannot write ({error.strerror})") from None
        return
    place = _followed(path)
    beside = place.with_name(f".chainrule-{os.urandom(8).hex()}")  # the name and more might be too long for the system
    try:
        file = beside.open("xb")
    except OSError as error:
        raise InputError(f"{path}: cannot write there ({error.strerror})") from None
    try:
        with file:
            if place.exists():
                _take_rights(beside, place)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, place)
    except BaseException as error:
        os.unlink(beside)
        if isinstance(error, OSError):
            raise InputError(f"{path}: cannot write ({error.strerror}); nothing was changed") from None
        raise


def _take_rights(path: Path, other: Path) -> None:
    """Before anything is in it: who may read the other file may read this one, and nobody else."""
    found = other.stat()
    mode = stat.S_IMODE(found.st_mode)
    if hasattr(os, "chown"):  # Windows has no owners
        with suppress(OSError):  # only root gives files away
            os.chown(path, found.st_uid, -1)
        try:
            os.chown(path, -1, found.st_gid)
        except OSError:  # of a group that the user is not in
            mode &= ~stat.S_IRWXG
    os.chmod(path, mode)


def load(path: str | Path) -> Network:
    """Read a model file. InputError where it is missing, damaged, foreign or from a newer version."""
    tensors, description = _read(Path(path))
    try:
        return _network(tensors, description)
    except (InputError, LookupError, TypeError, AttributeError, ValueError, OverflowError, RecursionError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{path}: damaged model file: {reason}") from None


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    require_file(path)
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: damaged, or not a safetensors file ({error})") from None
    try:
        description = json.loads(metadata[KEY])
        version = int(description["version"])
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        raise InputError(f"{path}: a safetensors file, but not one that chainrule wrote") from None
    if version > VERSION:
        raise InputError(f"{path}: written by a newer chainrule (format {version}, this one reads {VERSION}); upgrade")
    return tensors, description


def _network(tensors: dict[str, Any], description: dict[str, Any]) -> Network:
    from chainrule.network import Network

    layers, loss = from_config(description["layers"]), from_config(description["loss"])
    plan = Plan.build(layers, description["n_in"])
    wanted = {slot.label: slot.shape for slot in plan.slots}  # before anything of that size is allocated
    found = {name: tensor.shape for name, tensor in tensors.items() if name != MOMENTS}
    if wanted != found:
        raise InputError(f"expected tensors {wanted}, got {found}")
    settings = {name: description[name] for name in ("seed", "dtype", "l2", "l1")}
    settings["penalty_by_batch"] = description.get("penalty_by_batch", False)  # files of before have none
    net = Network(layers, loss, description["n_in"], **settings)
    for label, tensor in tensors.items():
        if tensor.dtype != net.dtype or not np.isfinite(tensor).all():
            raise InputError(f"tensor {label}: expected finite {net.dtype} numbers")
        if label != MOMENTS:
            net[label][...] = tensor
    _resume(net.state, tensors.get(MOMENTS), description)
    net.target, net.encoder = _target(description["target"], net), _encoder(description["encoder"], net)
    net.history = History.from_config(description["history"]) if description["history"] else None
    net.info = description["info"]
    if not isinstance(net.info, dict):
        raise InputError(f"info: expected an object, got {net.info!r}")
    return net


def _resume(state: State, moments: Array | None, description: dict[str, Any]) -> None:
    """Steps, epochs, and the optimizer's moments (k, P) as its class has them."""
    name = description["optimizer"]
    if name is not None and name not in OPTIMIZERS:
        raise InputError(f"optimizer: expected one of {', '.join(OPTIMIZERS)} or none, got {name!r}")
    rows = (0,) if name is None else OPTIMIZERS[name].moment_counts()
    found = (0, state.plan.size) if moments is None else moments.shape
    if len(found) != 2 or found[0] not in rows or found[1] != state.plan.size:
        wanted = " or ".join(map(str, rows))
        raise InputError(f"tensor {MOMENTS}: expected shape ({wanted}, {state.plan.size}) of {name}, got {found}")
    for count in ("step", "epoch"):
        require_count(count, description[count], least=0, most=LARGEST)
        setattr(state, count, description[count])
    state.optimizer = name
    if moments is not None:
        state.moments = aligned(moments.copy())


def _target(config: Any, net: Network) -> Target | None:
    target, wanted = from_config(config), TARGETS[net.loss.target]
    if target is not None and (type(target) is not wanted or target.n_out != net.n_out):
        raise InputError(f"target: expected {wanted.__name__} for {net.n_out} outputs, got {target!r}")
    classes = getattr(target, "classes", None)
    if classes is not None and len(classes) != (net.n_out if wanted is Labels else 2):
        raise InputError(f"target: expected a class for each of {net.n_out} outputs, got {len(classes)}")
    if isinstance(target, Values):
        for name, values in (("centre", target.centre), ("scale", target.scale)):
            if len(values) not in (1, net.n_out) or values.dtype.kind not in "iuf":
                raise InputError(f"target: expected a {name} for each of {net.n_out} outputs, got {values!r}")
        if (target.scale <= 0).any():
            raise InputError(f"target: expected scales above 0, got {target.scale!r}")
    return target


def _encoder(config: Any, net: Network) -> Encoder | None:
    encoder = from_config(config)
    if encoder is not None and (not isinstance(encoder, Encoder) or encoder.n_features != net.n_in):
        raise InputError(f"encoder: expected one of {net.n_in} features, got {encoder!r}")
    return encoder
