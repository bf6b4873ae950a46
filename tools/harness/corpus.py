"""Invented coding sessions in the format of Claude Code: Zipf words, code, paths, errors."""

import json
import random
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import accumulate
from pathlib import Path

from iai.model.clock import parse_iso
from iai.protocol.ingest import CapturedTurn

START = datetime(2026, 1, 1, tzinfo=UTC)
VOCABULARY = 20_000
_SUBJECT = 20  # words that linked turns say alike
_SYLLABLES = ("ba", "co", "di", "fer", "gat", "hul", "in", "jo", "ka", "lem", "mor", "nis", "op",
              "pra", "qui", "ros", "sta", "tem", "ul", "ver", "wex", "yo", "zan")  # fmt: skip


@cache
def _words() -> tuple[list[str], list[float]]:
    maker = random.Random(7)  # noqa: S311
    words = ["".join(maker.choices(_SYLLABLES, k=maker.randint(1, 4))) for _ in range(VOCABULARY)]
    return words, list(accumulate(1.0 / (rank + 2.7) for rank in range(VOCABULARY)))


def text(chance: random.Random, words: int) -> str:
    """Return a text of about this many words, with code, paths and errors in it."""
    vocabulary, cumulated = _words()
    out = chance.choices(vocabulary, cum_weights=cumulated, k=words)
    if chance.random() < 0.5:  # noqa: PLR2004
        out.append(f"in src/{chance.choice(vocabulary)}/{chance.choice(vocabulary)}.py:{words}")
    if chance.random() < 0.3:  # noqa: PLR2004
        out.append(f"`{chance.choice(vocabulary)}_{chance.choice(vocabulary)}()` raised ValueError")
    return " ".join(out)


def as_turns(transcript: str) -> list[CapturedTurn]:
    """Return the turns of such a session for a client to capture."""
    lines = [json.loads(line) for line in transcript.splitlines()]
    return [
        CapturedTurn(
            text=content if isinstance(content, str) else content[0]["text"],
            role=line["type"],
            session=line["sessionId"],
            cwd=line["cwd"],
            created_at=parse_iso(line["timestamp"]),
            key=line["uuid"],
        )
        for line in lines
        for content in [line["message"]["content"]]
    ]


def coding_session(
    session: str,
    cwd: str,
    turns: int,
    seed: int,
    start: datetime | None = None,
    *,
    linked: int = 1,
) -> str:
    """Return a transcript of this many turns, questions and answers alternating.

    So many turns in a row are `linked`: they name the same two things, which no others do, and say
    the same of them.
    """
    chance = random.Random(seed)  # noqa: S311
    moment = start or START + timedelta(hours=seed)
    lines = []
    for number in range(turns):
        role = "assistant" if number % 2 else "user"
        said = text(chance, chance.randint(5, 120 if number % 2 else 40))
        if linked > 1:
            thing = f"{seed}x{number // linked}"
            words = " ".join(random.Random(thing).choices(_words()[0], k=_SUBJECT))  # noqa: S311
            said += f" by `link_{thing}()` in links/{thing}.toml: {words}"
        moment += timedelta(seconds=chance.randint(5, 90))
        content = [{"type": "text", "text": said}] if number % 2 else said
        lines.append(json.dumps({
            "type": role, "uuid": f"{session}-{seed}-{number}", "sessionId": session, "cwd": cwd,
            "timestamp": moment.isoformat().replace("+00:00", "Z"), "isSidechain": False,
            "message": {"role": role, "content": content},
        }))  # fmt: skip
    return "\n".join(lines) + "\n"


def history(directory: Path, turns: int, seed: int = 0, linked: int = 1) -> None:
    """Write this many turns, as sessions of a hundred in seven projects, `linked` as above."""
    directory.mkdir()
    for number in range(seed, seed + max(1, turns // 100)):
        cwd = f"/home/dev/p{number % 7}"
        session = coding_session(f"s{number}", cwd, 100, seed=number, linked=linked)
        (directory / f"{number}.jsonl").write_text(session)


def machine(home: Path, size: int) -> int:
    """Write the history of a user of Claude Code, of about this many bytes.

    Nearly all of it is what tools have put out, as it is in real ones: some of it in lines of
    megabytes. Returns the number of turns.
    """
    chance = random.Random(11)  # noqa: S311
    said = written = number = 0
    while written < size:
        project = f"p{number % 40}"
        directory = home / ".claude" / "projects" / f"-home-dev-{project}"
        directory.mkdir(parents=True, exist_ok=True)
        session = coding_session(f"s{number}", f"/home/dev/{project}", 60, seed=number)
        with (directory / f"s{number}.jsonl").open("w") as file:
            for turn in session.splitlines(keepends=True):
                written += file.write(turn)
                said += 1
                for _ in range(chance.randint(0, 4)):
                    written += file.write(_tool_result(turn, chance))
        number += 1
    return said


def _tool_result(turn: str, chance: random.Random) -> str:
    """Return a line with a tool's output: mostly kilobytes, sometimes an image."""
    length = 3_000_000 if chance.random() < 0.0005 else int(chance.paretovariate(1.2) * 1_000)  # noqa: PLR2004
    output = (text(chance, 40) + "\n") * (min(length, 4_000_000) // 300 + 1)
    line = json.loads(turn)
    content = [{"type": "tool_result", "tool_use_id": "t", "content": output}]
    line |= {"type": "user", "uuid": f"{line['uuid']}-{chance.random()}"}
    line |= {"message": {"role": "user", "content": content}, "toolUseResult": {"stdout": output}}
    return json.dumps(line) + "\n"
