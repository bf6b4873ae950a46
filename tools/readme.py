"""Writes the generated parts of README.md and of the topics: settings, commands, messages, figures.

A part is between `<!-- name -->` and `<!-- /name -->`. tools/fix runs this; a test fails when one
is out of date.
"""

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from iai.cli import GROUPS  # noqa: E402  needs the path above
from iai.cli.help import TOPICS, topics  # noqa: E402
from iai.config import settings  # noqa: E402
from iai.config.access import ACCESS  # noqa: E402
from iai.freshness import decide  # noqa: E402
from iai.lifecycle import states  # noqa: E402
from iai.protocol import wire  # noqa: E402
from iai.protocol.message import Actor, Ping  # noqa: E402
from iai.protocol.registry import FEED, INBOX  # noqa: E402
from tests.test_layers import ROOMS  # noqa: E402

DOCUMENTS = (ROOT / "README.md", *sorted(TOPICS.glob("*.md")))
# Below the rooms of iai. The hooks are shell, and have no docstring.
OTHER_ROOMS = (
    "actors",
    "hooks",
    "tools/harness",
    "tools/campaign",
    "tools/fuzzing",
    "tools/simulation",
    "tools/benchmarks",
    "tests",
)
HOOKS = "The shell hooks that hosts call: they write a file or print one."


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *rows)]
    return "\n".join(lines)


def _default(value: float | str, unit: str) -> str:
    if value == "":
        return "none"
    return f"`{value}`" if isinstance(value, str) else f"{value:g} {unit}".rstrip()


def _code(names: tuple[str, ...]) -> list[str]:
    return [f"`{name}`" for name in names]


def _purpose(room: str) -> str:
    """Return the first line of a room's docstring."""
    if room == "hooks":
        return HOOKS
    path = ROOT / room
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return (ast.get_docstring(ast.parse(source.read_text())) or "").partition("\n")[0]


def _room(name: str) -> tuple[str, str]:
    shown = f"{name}/" if (ROOT / name).is_dir() else f"{name}.py"
    return f"`{shown}`", _purpose(name)


def _table_below(topic: str, title: str) -> str:
    """Return the table of a section of a topic."""
    section = (TOPICS / f"{topic}.md").read_text().partition(f"## {title}\n")[2]
    return "\n".join(line for line in section.partition("\n## ")[0].splitlines() if line[:1] == "|")


def blocks() -> dict[str, str]:
    """Return the text of each generated part, by name."""
    defaults, _ = settings.from_environment({})
    declared = settings.declared()
    return {
        "settings": table(
            ("variable", "default", "what it sets"),
            [
                (
                    f"`{one.variable}`",
                    "`~/.iai-mcp`"
                    if field == "store"
                    else _default(getattr(defaults, field), one.unit),
                    one.meaning,
                )
                for field, one in declared.items()
            ],
        ),
        "commands": table(
            ("to", "command", "what it does"),
            [
                (group, f"`iai {name}`", what)
                for group, commands in GROUPS.items()
                for name, what in commands.items()
            ],
        ),
        "topics": table(
            ("topic", "about"),
            [
                (f"[`iai help {name}`](iai/cli/topics/{name}.md)", title)
                for name, title in topics().items()
            ],
        ),
        "messages": table(
            ("actor", "answers", "publishes"),
            [
                (
                    actor,
                    ", ".join(f"`{wire.kind(one)}`" for one in INBOX[actor] if one is not Ping),
                    ", ".join(f"`{wire.kind(one)}`" for one in FEED[actor]),
                )
                for actor in Actor
            ],
        ),
        "decision": "\n".join(
            line for line in (decide.__doc__ or "").splitlines() if line.startswith("|")
        ),
        "states": f"```mermaid\n{states.diagram()}\n```",
        "access": table(
            ("process", "writes", "reads"),
            [
                (
                    actor,
                    ", ".join(_code(one.writes)),
                    ", ".join([*_code(one.reads), *filter(None, [one.outside])]),
                )
                for actor, one in ACCESS.items()
            ],
        ),
        "trust": _table_below("costs", "Trust"),
        "rooms": table(
            ("room", "what it is for"),
            [_room(name) for name in (*(f"iai/{room}" for room in ROOMS), *OTHER_ROOMS)],
        ),
    }


def updated(text: str) -> str:
    """Return a document with every generated part up to date."""
    for name, block in blocks().items():
        part = rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)"
        text = re.sub(part, f"{block}\n".replace("\\", "\\\\"), text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    for document in DOCUMENTS:
        document.write_text(updated(document.read_text()))
