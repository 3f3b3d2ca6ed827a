"""What scikit-learn's users import."""

from chainrule.sklearn.encoder import TableEncoder

__all__ = ["TableEncoder"]
