"""Where the console's `chainrule` starts: outside the package, so that Ctrl-C during its imports is no traceback."""

import sys

NEEDED = ("cyclopts", "rich", "narwhals")  # by the command line alone


def main() -> None:
    try:
        from chainrule.cli import main

        main()
    except KeyboardInterrupt:
        sys.exit(130)  # as shells count it: 128 + SIGINT
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package not in NEEDED:
            raise
        print(f"chainrule: the command line needs {package}; pip install {' '.join(NEEDED)}", file=sys.stderr)
        sys.exit(2)
