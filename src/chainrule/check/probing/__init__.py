"""What their network does when it is called: the record that is judged later.

`process` starts `child`, which runs `examine`: for each reading and way of handing over rows, `collect` calls it in
every way that a mistake could show in. A `trial` is one reading in one setting, which takes `batch`es, made of
`samples`, and makes steps; `differences` are those of its loss, `rounds` and `batches` ask how often one call updates.
`sensible` refuses what makes no sense, `small` is the step of the page. `holding` and `randomness` are about masks and
seeds; `optimizing` drives optimizers, `checkers` gradient checks of theirs. `probes` names the probes.
"""
