"""Dense neural networks with a backward pass you can read, check and trust."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from chainrule.activations import (
    ELU,
    GELU,
    SELU,
    GELUTanh,
    LeakyReLU,
    Mish,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from chainrule.errors import Diverged, InputError
from chainrule.history import Epoch, History
from chainrule.initializers import (
    INITIALIZERS,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LeCunNormal,
    LeCunUniform,
    Normal,
    Ones,
    Zeros,
)
from chainrule.layers import LAYERS, Dense, Dropout, Layer, LayerNorm
from chainrule.losses import (
    LOSSES,
    BinaryCrossEntropy,
    HalfSquaredError,
    Huber,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    Poisson,
    PoissonDeviance,
    QuantileLoss,
    SoftmaxCrossEntropy,
)
from chainrule.network import Network
from chainrule.optimizers import SGD, AdaGrad, Adam, AdamEpsilonHat, AdamW, ClassicalMomentum, Optimizer, RMSProp
from chainrule.schedules import Constant, CosineDecay, ExponentialDecay, InverseTimeDecay, Schedule, StepDecay, Warmup
from chainrule.training import Training, train

if TYPE_CHECKING:
    from chainrule.check.diagnose import diagnose
    from chainrule.check.gradients import check_gradients
    from chainrule.explain import explain
    from chainrule.files import load

__version__ = "0.1.0"
_LATER = {  # imported when first used
    "check_gradients": "chainrule.check.gradients",
    "explain": "chainrule.explain",
    "diagnose": "chainrule.check.diagnose",
    "load": "chainrule.files",
}
__all__ = [
    *_LATER,
    *(name for name, value in dict(globals()).items() if getattr(value, "__module__", "").startswith("chainrule.")),
    "INITIALIZERS",
    "LAYERS",
    "LOSSES",
]


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'chainrule' has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
