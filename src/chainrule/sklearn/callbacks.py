"""scikit-learn's callbacks (1.9 and newer): progress bars, scores after each epoch, stopping early."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # before 1.9: no set_callbacks, nothing to report to

    class CallbackSupportMixin:  # type: ignore[no-redef]
        pass

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        return method


__all__ = ["CallbackSupportMixin", "Reports", "with_callbacks"]


class Reports:
    """What the callbacks of one `fit` are told: a task for the whole, and one below it for each epoch or iteration."""

    def __init__(self, estimator: Any, X: Any, y: Any, sample_weight: Any, max_epochs: int) -> None:
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.given = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self.whole: Any = None
        self.epoch: Any = None
        if hasattr(estimator, "_skl_callbacks") or hasattr(estimator, "_parent_callback_ctx"):
            self.whole = estimator._init_callback_context(max_subtasks=max_epochs)
            self.whole.call_on_fit_task_begin(**self.given)
        self.listened = self.whole is not None and hasattr(estimator, "_skl_callbacks")

    def begin_epoch(self) -> None:
        if self.listened:
            self.epoch = self.whole.subcontext(task_name="epoch")
            self.epoch.call_on_fit_task_begin(**self.given)

    def end_epoch(self) -> bool:
        """Whether a callback wants the fit to stop here."""
        return self.listened and bool(self._end(self.epoch))

    def end(self) -> None:
        if self.whole is not None:
            self._end(self.whole)

    def _end(self, context: Any) -> Any:
        """A callback that asks for the fitted estimator gets one of its own: training goes on without changing it."""
        network = self.given["estimator"].network_
        return context.call_on_fit_task_end(
            **self.given, reconstruction_attributes=lambda: {"network_": network.copy()}
        )
