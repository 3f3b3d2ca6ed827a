"""`python -m chainrule`, the command where its script is not on the path."""

from chainrule_command import main

if __name__ == "__main__":
    main()
