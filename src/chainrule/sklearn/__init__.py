"""scikit-learn's MLP estimators, with its own parameters and behaviour, on chainrule's core: change one import line."""

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError("chainrule.sklearn needs scikit-learn: pip install 'chainrule[sklearn]'") from error

from chainrule.sklearn.classifier import MLPClassifier
from chainrule.sklearn.convert import from_sklearn
from chainrule.sklearn.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "from_sklearn"]
