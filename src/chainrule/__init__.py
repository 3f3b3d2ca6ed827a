"""Dense neural networks with a backward pass you can read, check and trust."""

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
from chainrule.check.gradients import check_gradients
from chainrule.errors import Diverged, InputError
from chainrule.files import load
from chainrule.initializers import (
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
    QuantileLoss,
    SoftmaxCrossEntropy,
)
from chainrule.network import Network
from chainrule.optimizers import SGD, AdaGrad, Adam, AdamW, Optimizer, RMSProp
from chainrule.schedules import Constant, CosineDecay, ExponentialDecay, InverseTimeDecay, Schedule, StepDecay, Warmup
from chainrule.training import Epoch, History, Training, train

__version__ = "0.1.0"
__all__ = [
    name for name, value in dict(globals()).items() if not name.startswith("_") and type(value).__name__ != "module"
]
