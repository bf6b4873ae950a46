"""The frame around session-start text, by which capture recognises it and leaves it out.

Memory must not feed on itself: what we put into a session comes back in its transcript.
"""

import re

OPENING = "<!-- iai "
CLOSING = "<!-- /iai -->"
# The whole first line, so that a text that only mentions it is left alone. The end may be missing:
# hosts cut long texts.
_BLOCK = re.compile(
    r"^<!-- iai revision=\d+ generated_at=\S+ project=[^\n]* -->$.*?"
    rf"(?:{re.escape(CLOSING)}\n?|\Z)",
    re.DOTALL | re.MULTILINE,
)
_REVISION = re.compile(r"<!-- iai revision=(\d{1,19}) ")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def opening(revision: int, generated_at: str, project: str, tokens: int = 0) -> str:
    """Return the first line of a payload, from which the hook fills its ledger entry.

    `tokens` is an upper bound for the whole payload; 0: the payload is empty.
    """
    name = harmless(project).replace("\n", " ").replace("-->", "")
    about = f"revision={revision} generated_at={generated_at} project={name} tokens={tokens}"
    return f"{OPENING}{about} -->"


def revision(text: str) -> int:
    """Return the revision in the first line of a complete payload; 0 for any other text."""
    found = _REVISION.match(text)
    return int(found[1]) if found and text.endswith(CLOSING + "\n") else 0


def without(text: str) -> str:
    """Return the text without any payload in it; the same object if it has none."""
    if OPENING not in text:
        return text
    return _BLOCK.sub("", text)


def harmless(text: str) -> str:
    """Return a text that is safe inside the frame.

    It has no control or direction characters, and nothing that could end the frame early.
    """
    return _CONTROL.sub("", text.replace("\r\n", "\n")).replace("<!--", "<! --")


def inline(text: str, limit: int) -> str:
    """Return a text on one line, harmless and cut at a word."""
    line = " ".join(harmless(text).split())
    return line if len(line) <= limit else line[:limit].rsplit(" ", 1)[0] + " ..."
