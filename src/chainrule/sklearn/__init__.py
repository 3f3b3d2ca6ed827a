"""What scikit-learn's users import: its MLP estimators, its parameters, its behaviour; and an encoder of tables."""

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError("chainrule.sklearn needs scikit-learn: pip install scikit-learn") from error

from chainrule.sklearn.classifier import MLPClassifier
from chainrule.sklearn.convert import from_sklearn
from chainrule.sklearn.encoder import TableEncoder
from chainrule.sklearn.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "TableEncoder", "from_sklearn"]
