"""From a record to its diagnosis.

`judging` finds the reference; without one, `blind` compares with differences of their loss. With one, `deciding` asks
in this order: is the gradient right as it stands, or what the update makes right (`convention`, `stepping`,
`updates`, `clipping`, `smoothing`); else, which rule explains it, and what would tell it `apart` from another.
`asked` compares with a reference that was given, `small` is for the page.
"""
