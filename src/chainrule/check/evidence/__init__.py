"""The record of the probes in our names and shapes.

`records` settles what a record is of; `draws` turns its calls into draws, `steps` its steps into the gradients that
they show; `formulas` recognises the steps of an optimizer; `unusable` says why a gradient is none.
"""
