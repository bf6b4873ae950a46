"""What people said in a Claude Code transcript, and what the host wrote in their name.

Counted from the raw lines by rules of its own, so that it can judge iai's parser: nothing here
imports that. Pure.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeAlias, get_args

from msgspec import Struct

Line: TypeAlias = dict[str, Any]
Kind: TypeAlias = Literal["typed", "queued", "refusal", "answer", "command argument"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# A text that opens so was written by the host, an editor, a hook, or another agent.
HOST_OPENINGS = (
    "<task-notification>", "<agent-notification>", "<teammate-message", "<agent-message",
    "<local-command-", "<command-name>", "<command-message>", "<bash-", "<ide_opened_file>",
    "<ide_selection>", "<system-reminder>", "Caveat:", "Stop hook feedback:",
    "Operation stopped by hook", "Another Claude session sent a message",
    "This session is being continued from a previous conversation",
    "[Request interrupted by user", "Base directory for this skill",
)  # fmt: skip
# Only these are cut out of a block: the user's words may be before or behind them.
_BESIDE_WORDS = re.compile(r"<(ide_opened_file|ide_selection|system-reminder)>.*?</\1>", re.DOTALL)
_REFUSED_WITH = "the user said:\n"
_ARGUMENTS = re.compile(r"<command-args>(.*?)</command-args>", re.DOTALL)
_BARE_COMMAND = re.compile(r"/[\w:-]+")


class Utterance(Struct, frozen=True):
    """One thing that a person said."""

    kind: Kind
    text: str


def normal(text: str) -> str:
    """Return a text with single spaces for all white space, to compare it with others."""
    return " ".join(text.split())


def opens_as_host(text: str) -> bool:
    """Does a text open as only a host writes it?"""
    return text.lstrip().startswith(HOST_OPENINGS)


def own_words(block: str) -> str:
    """Return what a person wrote of a block of text; "" if the host wrote all of it.

    A command without arguments ("/exit") is no words.
    """
    own = _BESIDE_WORDS.sub("", block).strip()
    return "" if opens_as_host(own) or _BARE_COMMAND.fullmatch(own) else own


def said(lines: Sequence[Line]) -> list[Utterance]:
    """Return what people said in the lines of one session.

    A queued prompt counts once, as queued, also where it comes again as a user line.
    """
    queued = [Utterance("queued", own) for text in _queued(lines) if (own := own_words(text))]
    again = Counter(normal(utterance.text) for utterance in queued)
    found = list(queued)
    for utterance in (utterance for line in lines for utterance in _in_line(line)):
        text = normal(utterance.text)
        if utterance.kind == "typed" and again[text] > 0:
            again[text] -= 1
        else:
            found.append(utterance)
    return found


def prompts(line: Line) -> list[str]:
    """Return what a person typed of a line's message, block by block.

    An accepted plan that opens a session is in the user's name, but not in the user's words.
    """
    if line.get("type") != "user" or by_host(line) or line.get("planContent"):
        return []
    return [own for block in blocks(line) if (own := own_words(block))]


def by_host(line: Line) -> bool:
    """Did the host write this user line, by what the line says of itself?"""
    origin = line.get("origin")
    kind = origin.get("kind", "human") if isinstance(origin, dict) else "human"
    flags = ("isMeta", "isCompactSummary", "isSidechain")
    return kind != "human" or any(line.get(flag) for flag in flags)


def blocks(line: Line) -> list[str]:
    """Return the blocks of text in a line's message."""
    content = _content(line)
    if isinstance(content, str):
        return [content]
    return [block["text"] for block in _of_type(content, "text") if "text" in block]


def tool_calls(line: Line) -> list[Line]:
    """Return the calls of tools in a line's message: `name`, `input`."""
    return list(_of_type(_content(line), "tool_use"))


def _queued(lines: Sequence[Line]) -> list[str]:
    """Return the prompts typed while the agent worked, but those taken back into the editor."""
    handed_over: list[str] = []
    waiting: list[str] = []
    for line in lines:
        if line.get("type") == "queue-operation":
            match line.get("operation"):
                case "enqueue":
                    waiting.append(str(line.get("content", "")))
                case "popAll":
                    waiting.clear()
                case _:
                    handed_over += waiting[:1]
                    waiting = waiting[1:]
        else:
            text = _attached(line)
            if text and normal(text) not in map(normal, [*handed_over, *waiting]):
                handed_over.append(text)
    return handed_over + waiting


def _attached(line: Line) -> str:
    """Return the prompt of a line that newer versions write for a queued one; "" for others."""
    attached = line.get("attachment")
    if not isinstance(attached, dict) or attached.get("type") != "queued_command":
        return ""
    prompt = attached.get("prompt")
    is_prompt = attached.get("commandMode") == "prompt" and isinstance(prompt, str)
    return str(prompt) if is_prompt and not by_host(attached) else ""


def _in_line(line: Line) -> Iterator[Utterance]:
    for text in prompts(line):
        yield Utterance("typed", text)
    for block in _of_type(_content(line), "tool_result"):
        _, refused, words = _result_text(block).partition(_REFUSED_WITH)
        if block.get("is_error") and refused and words.strip():
            yield Utterance("refusal", words.strip())
    result = line.get("toolUseResult")
    answers = result.get("answers") if isinstance(result, dict) else None
    for answer in answers.values() if isinstance(answers, dict) else ():
        if str(answer).strip():
            yield Utterance("answer", str(answer))
    for text in (*blocks(line), str(line.get("content", ""))):
        if text.lstrip().startswith("<command-"):
            for arguments in _ARGUMENTS.findall(text):
                if arguments.strip():
                    yield Utterance("command argument", arguments.strip())


def _content(line: Line) -> object:
    message = line.get("message")
    return message.get("content") if isinstance(message, dict) else None


def _of_type(content: object, kind: str) -> Iterator[Line]:
    for block in content if isinstance(content, list) else ():
        if isinstance(block, dict) and block.get("type") == kind:
            yield block


def _result_text(block: Line) -> str:
    content = block.get("content")
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", "")) for part in _of_type(content, "text"))
