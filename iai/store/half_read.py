"""What is kept of transcripts between two readings: words that were read and are not stored yet.

That is the title so far, calls that wait for their results, prompts that wait for the agent, to-do
lists, and commits that may be taken back. What is forgotten must not come back from there.
"""

from collections.abc import Callable, Collection
from typing import TypeAlias

from msgspec import structs

from iai.model.context import without
from iai.model.phrase import says
from iai.model.record import Transcript

Change: TypeAlias = Callable[[Transcript], Transcript]

_LEAST = 8  # characters that two texts must share for the one to be part of the other


def wholly(context: Transcript) -> Transcript:
    """Forget all that is kept, and the repository, which git names where it is still there."""
    return structs.replace(without(context, lambda _: True), remote="")


def untitled(context: Transcript) -> Transcript:
    """Forget the title."""
    return structs.replace(context, title="", title_rank=0)


def unfinished(context: Transcript) -> Transcript:
    """Forget what is under way."""
    return structs.replace(context, calls=(), todos=(), todo_ids=())


def without_work(keys: Collection[str]) -> Change:
    """Return what forgets the commits that actions with these keys made, or changed."""

    def change(context: Transcript) -> Transcript:
        left = (m for m in context.commits if not {m.key, m.action.key}.intersection(keys))
        return structs.replace(context, commits=tuple(left))

    return change


def saying(phrase: str) -> Change:
    """Return what forgets all that has these words in it."""
    return lambda context: without(context, lambda text: says(text, phrase))


def repeating(text: str) -> Change:
    """Return what forgets all that is this text, part of it, or longer by something."""
    own = _plain(text)

    def says(other: str) -> bool:
        words = _plain(other)
        if min(len(own), len(words)) < _LEAST:
            return bool(words) and words == own
        return words in own or own in words

    return lambda context: without(context, says)


def repeats(title: str, text: str) -> bool:
    """Is a title made of a text?"""
    words = _plain(title)
    return len(words) >= _LEAST and words in _plain(text)


def _plain(text: str) -> str:
    return " ".join(text.split()).rstrip(".\N{HORIZONTAL ELLIPSIS} ")
