"""Their code as a network that runs: `start`, `feed`, `forward`, `evaluate`, `step`, each giving arrays.

`recognise` tries every way to read a module; `roles` says which callable is the forward, the loss, the step. The
kinds: `theirs` a class or functions that share parameters, made by `built` and run by `passing`; `ones` the same with
biases inside the weights; `scripted` one turn of a script's loop, on the data that `script_data` finds; `layered`
layer objects in a row, which `kits` puts together of `pieces`; `bare` parameters that are numbers: `flat` in one
vector, `scalars` a name for each, which `units` puts together. `result` is what an evaluation gives, `step_loss` a
loss that a step returns. `composed` hands a network of theirs the layer and loss objects that it asks for.
"""
