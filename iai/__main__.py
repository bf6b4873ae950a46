"""`python -m iai`: the same as the command `iai`."""

import sys

from iai.cli import main

if __name__ == "__main__":
    sys.exit(main())
