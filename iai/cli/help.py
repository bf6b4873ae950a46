"""Print the overview, a topic, or the help of a command.

Topics are short chapters about one subject each; `iai help` lists them.

example: iai help troubleshooting
"""

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from iai.cli import COMMANDS, GROUPS, nearest, parser
from iai.config.settings import Settings
from iai.errors import BadUsage

TOPICS = Path(__file__).with_name("topics")
_MARKER = re.compile(r"^<!-- /?[a-z]+ -->\n", re.MULTILINE)  # of a generated part
_IMAGE = re.compile(r"!\[(.*?)\]\(.*?\)", re.DOTALL)
_LINK = re.compile(r"\[([^]]*)\]\(([a-z]+)\.md\)")


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("subject", nargs="?", help="a topic or a command (default: the overview)")


def run(args: Namespace, _settings: Settings) -> int:
    if args.subject is None:
        print(_overview())
        return 0
    parts = []
    if args.subject in topics():
        parts.append(plain((TOPICS / f"{args.subject}.md").read_text("utf-8")))
    if args.subject in COMMANDS:
        parts.append(parser(args.subject).format_help())
    if not parts:
        alike = nearest(args.subject, [*topics(), *COMMANDS])
        hint = f"did you mean `iai help {alike}`?" if alike else "`iai help` lists them"
        raise BadUsage(f"no topic or command {args.subject!r}; {hint}")
    print("\n".join(parts), end="")
    return 0


def topics() -> dict[str, str]:
    """Map each topic to what it is about, from its first line: `# Topic: what it is about`."""
    texts = {path.stem: path.read_text("utf-8") for path in sorted(TOPICS.glob("*.md"))}
    return {
        name: text.splitlines()[0].removeprefix(f"# {name.capitalize()}: ")
        for name, text in texts.items()
    }


def plain(markdown: str) -> str:
    """Return a topic as a terminal shows it: without markers, pictures and link targets."""
    text = _MARKER.sub("", markdown)
    text = _IMAGE.sub(lambda found: f"(Picture: {found[1]})", text)
    return _LINK.sub(r"\1 (`iai help \2`)", text)


def _overview() -> str:
    return "\n".join(
        [
            "usage: iai COMMAND [ARGUMENT ...]",
            "",
            "A local memory for coding agents that is never stale.",
            "",
            "`iai` alone says whether all is well, and what to do next.",
            "",
            *_groups(),
            "`iai help COMMAND` explains a command. `iai help TOPIC` explains a subject:",
            "",
            *_columns(topics()),
            "",
            "With --json, standard output is one JSON document.",
            "exit codes: 0 done, 1 failed, 2 bad usage, 3 iai is not running",
        ]
    )


def _groups() -> Iterator[str]:
    width = max(map(len, COMMANDS))
    for name, commands in GROUPS.items():
        yield from (f"{name}:", *_columns(commands, width), "")


def _columns(rows: dict[str, str], width: int = 0) -> list[str]:
    width = width or max(map(len, rows))
    return [f"  {name:<{width}}  {what}" for name, what in rows.items()]
