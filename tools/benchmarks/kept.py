"""How much of what people said is kept, and what is kept as theirs though they did not say it."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from harness.real_sessions import Session
from harness.utterances import KINDS, Utterance, normal, opens_as_host
from msgspec import Struct

from benchmarks.stats import Stats


class Kept(Struct, frozen=True):
    """What is in the store of one session's user."""

    session: str
    said: tuple[Utterance, ...]
    lost: tuple[Utterance, ...]  # those of them that no user record has
    records: int  # in the user's name
    by_host: tuple[str, ...]  # records that the host wrote
    unknown: tuple[str, ...]  # records in which nothing is that people said


def of(session: Session, records: Sequence[str]) -> Kept:
    """Compare what a session's user said with the texts of the session's user records.

    What was said twice has to be there twice.
    """
    texts = [normal(text) for text in records]
    had: Counter[str] = Counter()
    lost = []
    for utterance in session.said:
        words = normal(utterance.text)
        had[words] += 1
        if sum(_within(words, text) for text in texts) < had[words]:
            lost.append(utterance)
    by_host = [text for text in texts if opens_as_host(text) or text in session.by_host]
    unknown = [
        text
        for text in texts
        if text not in by_host and not any(_within(w, text) or _within(text, w) for w in had)
    ]
    return Kept(session.name, session.said, tuple(lost), len(texts), tuple(by_host), tuple(unknown))


def figures(kept: Sequence[Kept]) -> Stats:
    """Return how much was kept, by kind, and how much was not said."""
    said = Counter(utterance.kind for one in kept for utterance in one.said)
    lost = Counter(utterance.kind for one in kept for utterance in one.lost)
    shares: Stats = {
        kind: f"{said[kind] - lost[kind]} of {said[kind]}" for kind in KINDS if said[kind]
    }
    every = said.total()
    if every:
        shares["all"] = f"{every - lost.total()} of {every}"
        shares["share"] = round(1 - lost.total() / every, 4)
    return {
        "said and kept": shares,
        "kept as the user's": {
            "records": sum(one.records for one in kept),
            "by the host": sum(len(one.by_host) for one in kept),
            "said by nobody known": sum(len(one.unknown) for one in kept),
        },
    }


def examples(kept: Sequence[Kept], most: int) -> Stats:
    """Return up to `most` of each that is not right, to be read."""
    lost = [(one.session, f"({u.kind}) {u.text}") for one in kept for u in one.lost]
    by_host = [(one.session, text) for one in kept for text in one.by_host]
    unknown = [(one.session, text) for one in kept for text in one.unknown]
    return {
        **_examples("lost", lost[:most]),
        **_examples("by the host", by_host[:most]),
        **_examples("said by nobody known", unknown[:most]),
    }


def _examples(name: str, found: Iterable[tuple[str, str]]) -> Stats:
    return {
        f"{name}, {number}, {session[:8]}": normal(text)[:400]
        for number, (session, text) in enumerate(found, 1)
    }


def _within(words: str, text: str) -> bool:
    """Are these words, whole, in a text?"""
    return words in text and bool(re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text))
