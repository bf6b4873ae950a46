"""The frame around session-start text, by which capture recognises it and leaves it out.

Memory must not feed on itself: what we put into a session comes back in its transcript.
"""

import re

from iai.model.printable import CONTROLS

OPENING = "<!-- iai "
CLOSING = "<!-- /iai -->"
_OFF_DISK = "composed at each start"  # the hook knows this line
# The whole first line, so that a text that only mentions it is left alone. The end may be missing:
# hosts cut long texts.
_BLOCK = re.compile(
    r"^<!-- iai revision=\d+ generated_at=\S+ project=[^\n]* -->$.*?"
    rf"(?:{re.escape(CLOSING)}\n?|\Z)",
    re.DOTALL | re.MULTILINE,
)
_NAME = 120  # characters of a project's name
_REVISION = re.compile(r"<!-- iai revision=(\d{1,19}) ")
_TOKENS = re.compile(r"<!-- iai [^\n]* tokens=(\d{1,9}) -->\n")
_LINE_END = re.compile("\r\n|[\u2028\u2029]")
# What has emoji variations, or is a part of emoji sequences: the blocks and the single characters.
_EMOJI = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u231a\u231b\u2328\u23cf\u23e9-\u23fa"
    "\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe\u2600-\u27bf\u2934\u2935\u2b05-\u2b07\u2b1b\u2b1c\u2b50"
    "\u2b55\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
)
# Default_Ignorable_Code_Point of Unicode 16, and annotations: shown by nothing, read by a model. In
# runs of variation selectors, whole texts were hidden. So one is left behind an emoji, and one in a
# keycap; and a joiner between two emoji.
_HIDDEN = re.compile(
    f"[{CONTROLS}\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
    f"(?<![{_EMOJI}][\ufe0e\ufe0f])(?!(?<=[0-9#*]\ufe0f)\u20e3)"
    f"(?!(?:(?<=[{_EMOJI}]\u200d)|(?<=[{_EMOJI}]\ufe0f\u200d))[{_EMOJI}])"
)
_LESS = "<\ufe64\uff1c"  # also where only its looks are those of a mark
_COMMENT = re.compile(f"[{_LESS}][!\ufe57\uff01](?=[-\u2010-\u2015\u2212\ufe63\uff0d]{{2}})")
# Tags by which hosts and models tell who speaks, such as </system-reminder> and <|im_start|>, also
# in letters that only look like those. A quotation that holds one must neither end the block that
# it is shown in nor begin another.
_TAG = re.compile(
    rf"[{_LESS}](?=/?(?:[a-z0-9]{{1,40}}[-_:.]){{0,6}}"
    r"(?:system|reminder|instruction|antml|function|tool|invoke|parameter|human|assistant|user"
    r"|prompt|thinking|command|hook|environment|permission|context|memory|turn|iai)s?(?![a-z0-9])"
    r"|[|\uff5c]\w|/?[\w.:-]{0,40}[^\W\x00-\x7f])",
    re.IGNORECASE,
)


def opening(revision: int, generated_at: str, project: str, tokens: int = 0) -> str:
    """Return the first line of a payload, from which the hook fills its ledger entry.

    `tokens` is an upper bound for the whole payload; 0: the payload is empty.
    """
    name = inline(project, _NAME).replace("-->", "-- >")
    about = f"revision={revision} generated_at={generated_at} project={name} tokens={tokens}"
    return f"{OPENING}{about} -->"


def off_disk(revision: int, generated_at: str) -> str:
    """Return what is in the file of a payload whose text is kept off the disk.

    By its frame the sidecar and the hook know it as they know a payload.
    """
    return f"{opening(revision, generated_at, '')}\n{_OFF_DISK}\n{CLOSING}\n"


def has_text(payload: str) -> bool:
    """Is anything in a payload but its frame?"""
    return payload.count("\n") > 2 and f"\n{_OFF_DISK}\n" not in payload  # noqa: PLR2004


def revision(text: str) -> int:
    """Return the revision in the first line of a complete payload; 0 for any other text."""
    found = _REVISION.match(text)
    return int(found[1]) if found and text.endswith(CLOSING + "\n") else 0


def tokens(text: str) -> int:
    """Return the tokens that the first line of a payload names; 0 for any other text."""
    found = _TOKENS.match(text)
    return int(found[1]) if found else 0


def without(text: str) -> str:
    """Return the text without any payload in it; the same object if it has none."""
    if OPENING not in text:
        return text
    return _BLOCK.sub("", text)


def harmless(text: str) -> str:
    """Return a text that is safe inside the frame.

    It has no control, direction or hidden characters, and nothing that could end the frame, or a
    block of the host around it, early: a space after the `<` makes those tags plain text.
    """
    shown = _HIDDEN.sub("", _LINE_END.sub("\n", text))
    return _TAG.sub(r"\g<0> ", _COMMENT.sub(r"\g<0> ", shown))


def inline(text: str, limit: int) -> str:
    """Return a text on one line, harmless and cut at a word."""
    line = " ".join(harmless(text).split())
    return line if len(line) <= limit else line[:limit].rsplit(" ", 1)[0] + " ..."
