"""What comes out, and how it is told.

`diagnosis` is the result as data, `tables` its numbers; `words` tells it at a level of hints or as JSON, with what
was not compared (`undecided`) and not tested (`untested`); `page` shows a step of theirs, by `as_network`.
"""
