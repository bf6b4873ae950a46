"""`python -m actors`: run the group in the foreground. `iai up` becomes this process."""

import logging
import os
import sys

from actors.supervisor import run
from iai.config import config_file
from iai.config.layout import Layout
from iai.encryption import key_pipe
from iai.lifecycle.supervision import Exit
from iai.process import logs

if __name__ == "__main__":
    settings, warnings = config_file.load(os.environ)
    logging.basicConfig(
        level=logging.INFO,
        handlers=[logs.handler(Layout(settings.store).group_log, logs.line("supervisor"))],
    )
    for warning in warnings:
        logging.getLogger("settings").warning("%s", warning)
    key_pipe.take(sys.argv[1:])
    code = run(settings)
    if code == Exit.REPLACED:
        again = [sys.executable, "-P", "-m", "actors", *key_pipe.give().words]
        os.execv(sys.executable, again)  # noqa: S606  keeps the pid
    sys.exit(code)
