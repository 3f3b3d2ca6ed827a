"""What a hand-written network computes where it is right.

`forms` are its pieces: activations, links, losses, scales. `passes` computes forward, loss and gradients of a `Spec`
made of them, every line of the backward pass by name, so that a rule can put another in its place. `infer` finds the
`Spec` that gives predictions and losses of theirs, `dropout` the masks that belong to it.
"""
