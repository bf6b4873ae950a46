"""Commands as a user types them, run in this process: to start one for each takes 0.3 s of CPU."""

import json
import os
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from iai.cli import main
from iai.config.layout import Layout


class Shell:
    """A user's home directory and environment, without a group. It has the interface of `Group`."""

    def __init__(self, work: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.work = work
        self.layout = Layout(work / "store")
        self.environment = {"HOME": str(work), "IAI_MCP_STORE": str(self.layout.root)}
        self._capture = capture

    def iai(self, *args: str) -> "CompletedProcess[str]":
        """Run `iai` with these arguments."""
        self._capture.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.work)
            for name, value in self.environment.items():
                patch.setitem(os.environ, name, value)
            try:
                code = main(args)
            except SystemExit as exit_:  # of the parser
                code = int(exit_.code or 0)
        said = self._capture.readouterr()
        return CompletedProcess(args, code, said.out, said.err)

    def json(self, *args: str) -> Any:
        """Run a command with --json and return its output, parsed."""
        return json.loads(self.iai(*args, "--json").stdout)
