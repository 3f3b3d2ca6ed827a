"""What moves a State forward: the reference in NumPy, which is the specification."""
