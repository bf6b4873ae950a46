"""Records a terminal: iai is connected to a host, and a second session knows about the first.

It shows what was printed, in the colours it was printed in: none. Only the commands and the actions
of the host are scripted. The home directory is temporary.
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
QUESTION = "how often do we try again"  # shares no rare word with its answer
WIDTH = 100
_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)  # loaded from a server; any font will do
SHOWN = 30  # lines of one output; a note says how many more there were


class Terminal:
    """Runs commands in a home directory of its own, and draws them with their output."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.cwd = home / "ledgerline"
        self.cwd.mkdir()
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith("IAI_MCP_")}
        self.environment = {**kept, "HOME": str(home), "PATH": path, "COLUMNS": str(WIDTH)}
        self.console = Console(record=True, width=WIDTH, file=Path(os.devnull).open("w"))  # noqa: SIM115

    def type(self, command: str, shown: int = SHOWN) -> None:
        """Run a command line and draw it with its output."""
        self.console.print(Text(f"$ {command}", style="bold"))
        self.draw(self.run(["bash", "-c", command]), shown)

    def draw(self, output: str, shown: int = SHOWN) -> None:
        """Draw the first lines of an output."""
        lines = output.splitlines()
        for line in lines[:shown]:
            self.console.print(Text(line))
        if len(lines) > shown:
            self.note(f"({len(lines) - shown} more lines)")

    def note(self, text: str) -> None:
        """Draw what the viewer has to know besides."""
        self.console.print(Text(text, style="italic"))

    def event(self, name: str, session: str, transcript: Path | None = None) -> str:
        """Call the hooks of an event with JSON on standard input, as Claude Code does."""
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
        """Wait until all stages have caught up, as they do between two sessions."""
        while not health.measure(Layout(self.home / ".iai-mcp"), time.time_ns()).caught_up:
            time.sleep(0.1)

    def run(self, command: list[str], stdin: str = "") -> str:
        done = subprocess.run(
            command, input=stdin, env=self.environment, cwd=self.cwd, check=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        return done.stdout.replace(str(self.home), "~")


def record(terminal: Terminal) -> None:
    """Type the commands of the README, and play two sessions."""
    (terminal.home / ".claude").mkdir()
    terminal.type("iai up --detach")
    terminal.type("iai hooks install --host claude")
    terminal.note("-- a session of Claude Code in ~/ledgerline, captured turn by turn --")
    transcript = terminal.home / ".claude/projects/ledgerline/one.jsonl"
    transcript.parent.mkdir(parents=True)
    transcript.write_text(SAMPLE.read_text().replace("/home/dev/ledgerline", str(terminal.cwd)))
    for name in ("UserPromptSubmit", "Stop", "SessionEnd"):
        terminal.event(name, "one", transcript)
    terminal.settle()
    terminal.note("-- the next session starts with this, without asking --")
    terminal.draw(terminal.event("SessionStart", "two"))
    terminal.type(f"iai recall '{QUESTION}' --limit 1")
    terminal.console.print()  # rich cuts the descenders off the last line


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
