"""Where the console's `chainrule` starts: outside the package, so that Ctrl-C during its imports is no traceback."""

import sys


def main() -> None:
    try:
        from chainrule.cli import main

        main()
    except KeyboardInterrupt:
        sys.exit(130)  # as shells count it: 128 + SIGINT
