"""One call of code that is not ours: what goes in, and what comes out.

Read in this order: `sizes` of the network that is made; `walk` finds arrays inside objects, `chain` which of them are
the weights and biases of which layer; `binding` fills in arguments by their names, `making` calls constructors and
makes up parameters, `digest` reads what a call returned; `naming` is for what the user names with ``--map``; `watch`
sees the local values of a call, and the changes that it makes.
"""
