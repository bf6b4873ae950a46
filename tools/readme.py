"""Writes the parts of README.md that are kept in the code: settings, commands, messages, states.

tools/fix writes them; a test fails when they are out of date.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from iai.cli import COMMANDS  # noqa: E402  only now can they be found
from iai.config import settings  # noqa: E402
from iai.freshness import decide  # noqa: E402
from iai.lifecycle import states  # noqa: E402
from iai.protocol import wire  # noqa: E402
from iai.protocol.message import Actor, Ping  # noqa: E402
from iai.protocol.registry import FEED, INBOX  # noqa: E402

README = ROOT / "README.md"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *rows)]
    return "\n".join(lines)


def _default(value: float | str, unit: str) -> str:
    return f"`{value}`" if isinstance(value, str) else f"{value:g} {unit}"


def blocks() -> dict[str, str]:
    """Return the text of each generated part, by its name."""
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
            ("command", "what it does"),
            [(f"`iai {name}`", what) for name, what in COMMANDS.items()],
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
    }


def updated(text: str) -> str:
    """Return the README with every generated part as it should be."""
    for name, block in blocks().items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        text = re.sub(pattern, lambda m, b=block: f"{m[1]}{b}\n{m[2]}", text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    README.write_text(updated(README.read_text()))
