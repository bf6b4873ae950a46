"""`python -m actors`: run the group in the foreground. `iai up` becomes this process."""

import logging
import os
import sys

from actors.supervisor import run
from iai import config

if __name__ == "__main__":
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s supervisor %(levelname)s %(message)s"
    )
    settings, warnings = config.load(os.environ)
    for warning in warnings:
        logging.getLogger("settings").warning("%s", warning)
    sys.exit(run(settings))
