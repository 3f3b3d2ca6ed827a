"""Loss and score over the epochs, as a picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.errors import InputError
from chainrule.files import write

if TYPE_CHECKING:
    from chainrule.history import History


def require_plottable(path: Path) -> None:
    """InputError where no picture can be made, or not in the format that the name says."""
    formats = _figure_class()().canvas.get_supported_filetypes()
    if path.suffix[1:].lower() not in formats:
        endings = ", ".join(f".{ending}" for ending in sorted(formats))
        raise InputError(f"{path}: cannot save the plot; expected an ending among {endings}, got {path.suffix!r}")


def _figure_class() -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise InputError("plot: needs matplotlib; pip install matplotlib") from None
    return Figure


def plot_history(history: History, path: str | Path | None = None, score_name: str = "score") -> Any:
    """A matplotlib Figure; saved to `path` where one is given, its ending the format."""
    if path is not None:
        require_plottable(Path(path))
    columns = history.columns
    figure = _figure_class()(figsize=(9, 3.6), layout="constrained")
    losses, scores = figure.subplots(1, 2)
    losses.plot(columns["number"], columns["loss"], label="training rows", color="#4477aa")
    validated = columns["valid_loss"][:1] != [None]
    if validated:
        losses.plot(columns["number"], columns["valid_loss"], label="validation rows", color="#ee6677")
    if min(columns["loss"]) > 0:
        losses.set_yscale("log")
    losses.set_ylabel("loss")
    scores.plot(columns["number"], columns["score"], color="#ee6677" if validated else "#4477aa")
    scores.set_ylabel(f"{score_name}, {'validation' if validated else 'training'} rows")
    for axes in (losses, scores):
        axes.set_xlabel("epoch")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.axvline(history.best_epoch, color="0.6", linewidth=1, linestyle=":", label="best epoch")
    losses.legend(frameon=False)
    if path is not None:
        picture = io.BytesIO()
        try:
            figure.savefig(picture, dpi=150, format=Path(path).suffix[1:].lower())
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot save the plot ({getattr(error, 'strerror', error)})") from None
        write(path, picture.getvalue())
    return figure
