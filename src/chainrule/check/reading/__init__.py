"""Their file: what is in it, read from its text.

Read in this order: `source` runs the file as a module (of a notebook, the cells that define something), unless it is
a script, whose training loop `script` finds first; `names` says what books and courses call things. Of a script:
`flow` is what statements read and write, `pairs` opens data kept as pairs, `turn` writes one turn of the loop as
functions, `terms` finds the loss, gradients and rate in it, `rows` the number of rows.
"""
