"""How the session-start text is framed, so that capture can recognise it and leave it out.

Memory must not feed on itself: what we put into a session comes back to us in its transcript.
"""

import re

OPENING = "<!-- iai "
CLOSING = "<!-- /iai -->"
# The whole first line, so that a text that merely speaks of it is left alone. The end may be
# missing: a host cuts what is too long for it.
_BLOCK = re.compile(
    r"^<!-- iai revision=\d+ generated_at=\S+ project=[^\n]* -->$.*?"
    rf"(?:{re.escape(CLOSING)}\n?|\Z)",
    re.DOTALL | re.MULTILINE,
)
_REVISION = re.compile(r"<!-- iai revision=(\d{1,19}) ")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def opening(revision: int, generated_at: str, project: str, tokens: int = 0) -> str:
    """Return the first line of a payload, from which the hook takes what it notes in the ledger.

    `tokens` is what the whole payload costs, at most; 0 says that there is nothing in it.
    """
    name = harmless(project).replace("\n", " ").replace("-->", "")
    about = f"revision={revision} generated_at={generated_at} project={name} tokens={tokens}"
    return f"{OPENING}{about} -->"


def revision(text: str) -> int:
    """Return the revision that a whole payload names; 0 if it is none, or was cut."""
    found = _REVISION.match(text)
    return int(found[1]) if found and text.endswith(CLOSING + "\n") else 0


def without(text: str) -> str:
    """Return the text without what we once put into it; the same object if there is none of it."""
    if OPENING not in text:
        return text
    return _BLOCK.sub("", text)


def harmless(text: str) -> str:
    """Return memory's text as it may stand inside the frame.

    No control or direction characters, and nothing that could end the frame early.
    """
    return _CONTROL.sub("", text.replace("\r\n", "\n")).replace("<!--", "<! --")


def inline(text: str, limit: int) -> str:
    """A text on one line, cut at a word."""
    line = " ".join(harmless(text).split())
    return line if len(line) <= limit else line[:limit].rsplit(" ", 1)[0] + " ..."
