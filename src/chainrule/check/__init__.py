"""Is a gradient right, and where it is not, which mistake is it?

`gradients` checks a network of ours against differences of its loss, `catalogue` checks every layer and loss that
way. `diagnose` reads a hand-written pass of somebody else. A child process runs their code and leaves a record of it;
the parent judges the record, and never imports their file. Each package imports those above it alone:

    in the child   reading     their file as a module, or as the text of a training loop; what names mean
                   calling     one call of theirs: its arguments, the arrays inside objects, what it returned
                   networks    functions, classes, layers or a loop of theirs as a network that runs
                   probing     what every call of it gives, on data made for it; and the process all of this is in
    in the parent  reference   what a network of that kind computes, with a backward pass line by line
                   evidence    the record in our names and shapes, and the gradients that steps show
                   rules       the catalogue of mistakes, and trying them on a case
                   report      the diagnosis, in words, as JSON, as a page
                   verdict     from a record to its diagnosis

`diagnose.diagnose` is the whole in twenty lines: read it first.
"""
