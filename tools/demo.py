"""Records a terminal on which iai is connected to a host, and a second session knows of the first.

What is shown is what was printed: nothing is typed in here but commands, and what a host does. The
home directory is made for it and deleted.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from iai.admin import health
from iai.config.layout import Layout

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "tests/samples/claude/ledgerline-reconcile.jsonl"
WIDTH = 100
_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)  # from another's server; any will do
SHOWN = 24  # lines of the payload; the rest is left out, and said to be


class Terminal:
    """Runs commands in a home directory of its own, and draws them with what they print."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.cwd = home / "ledgerline"
        self.cwd.mkdir()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith("IAI_MCP_")}
        self.environment = {**kept, "HOME": str(home), "PATH": path, "COLUMNS": str(WIDTH)}
        self.console = Console(record=True, width=WIDTH, file=Path(os.devnull).open("w"))  # noqa: SIM115

    def type(self, command: str, stdin: str = "", shown: int = SHOWN) -> None:
        """Run a command line and draw it."""
        self.console.print(Text.assemble(("$ ", "green"), (command, "bold")))
        printed = self.run(["bash", "-c", command], stdin).splitlines()
        for line in printed[:shown]:
            self.console.print(Text(line, style="cyan" if line.startswith("#") else ""))
        if len(printed) > shown:
            self.note(f"({len(printed) - shown} more lines)")

    def note(self, text: str) -> None:
        """Draw what happens besides."""
        self.console.print(Text(text, style="italic bright_black"))

    def event(self, name: str, session: str, transcript: Path | None = None) -> str:
        """Do what Claude Code does: call the hooks of an event, with JSON on standard input."""
        settings = json.loads((self.home / ".claude/settings.json").read_text())
        about = {
            "session_id": session,
            "transcript_path": str(transcript or ""),
            "cwd": str(self.cwd),
            "hook_event_name": name,
            "source": "startup",
        }
        calls = [h for group in settings["hooks"][name] for h in group["hooks"]]
        return "".join(self.run([h["command"], *h["args"]], json.dumps(about)) for h in calls)

    def settle(self) -> None:
        """Wait, as somebody does between two sessions, until all stages have caught up."""
        while not health.measure(Layout(self.home / ".iai-mcp"), time.time_ns()).caught_up:
            time.sleep(0.1)

    def run(self, command: list[str], stdin: str = "") -> str:
        done = subprocess.run(
            command, input=stdin, env=self.environment, cwd=self.cwd, check=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        return done.stdout.replace(str(self.home), "~")


def record(terminal: Terminal) -> None:
    """Type what the README tells a user to type."""
    (terminal.home / ".claude").mkdir()
    terminal.type("iai up --detach")
    terminal.type("iai hooks install --host claude", shown=3)
    terminal.note("-- a session of Claude Code in ~/ledgerline, captured turn by turn --")
    transcript = terminal.home / ".claude/projects/ledgerline/one.jsonl"
    transcript.parent.mkdir(parents=True)
    transcript.write_text(SAMPLE.read_text().replace("/home/dev/ledgerline", str(terminal.cwd)))
    for name in ("UserPromptSubmit", "Stop", "SessionEnd"):
        terminal.event(name, "one", transcript)
    terminal.settle()
    terminal.note("-- the next session starts, and is given this, without asking --")
    for line in terminal.event("SessionStart", "two").splitlines()[:SHOWN]:
        terminal.console.print(Text(line, style="cyan" if line.startswith("#") else ""))
    terminal.console.print()
    terminal.type("iai recall 'why did the job fail on mondays' --k 1")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="iai-") as directory:
        terminal = Terminal(Path(directory))
        try:
            record(terminal)
        finally:
            terminal.run(["iai", "down"])
        svg = terminal.console.export_svg(title="iai", theme=MONOKAI)
    Path(sys.argv[1]).write_text(_FONTS.sub("", svg))


if __name__ == "__main__":
    main()
