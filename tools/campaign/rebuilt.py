"""Does what a store derived from its records equal what a fresh store derives from the same?

The records are backed up and restored into a store of their own, and a second group derives all
else from them. Then both sleep, and both have their clocks stopped at one time, so that nothing
that is compared depends on when it was done:

- `vectors/`: the weights of the generation that serves, and the vector of each record, by byte
- `index/`: the bits of the vector index, terms and their counts, what filters ask, neighbours,
  links, similar records, topics
- `index/lexical/`: the labels of its records
- answers to questions: hits, their scores and every part of these, texts, degradations
- the text of each payload, byte for byte
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import takewhile
from typing import Any

from harness.group import Group, TooLate, wait_until
from msgspec import structs

from iai.index import lexical
from iai.index.term_vectors import TermVectors
from iai.model.clock import NS
from iai.model.topic import Topic
from iai.process import ledger
from iai.process.client import recall
from iai.protocol.cache_writer import Refresh, RefreshOutcome
from iai.protocol.graph_cache import Recall, SleepFinished
from iai.protocol.lifecycle import LifecycleReport, RequestState
from iai.protocol.message import Actor, State
from iai.protocol.wire import kind
from iai.store.readers import Readers

Parts = Mapping[str, Mapping[Any, object]]  # name of a part -> what it has, by key

_AHEAD_S = 60  # of both clocks: what was written before is not from the future
_PATIENCE_S = 300.0
SETTLED_S = 1_800.0  # at most: as many texts as the campaign has kept are indexed once more
_SLEEP_S = 3_600.0  # after 140,000 records, beside other work, one takes more than five minutes
_SHOWN = 3  # keys of a part that differs
_BEFORE, _LENGTH = 80, 300  # characters that are shown of a difference
_EVERYTHING = 1 << 20  # vectors read at a time


def differences(
    group: Group, fresh: Group, questions: Sequence[str], stop_clocks: Callable[[int], None]
) -> tuple[dict[str, int], list[str]]:
    """Return how much of each part was compared, and in words what differs.

    `group` runs and has caught up. Both run afterwards. `stop_clocks` has both read a wall time,
    in UTC nanoseconds, from then on.
    """
    backup = group.work / "campaign.tar.gz"
    for who, command in ((group, "backup"), (fresh, "restore")):
        done = who.iai(command, str(backup))
        if done.returncode:
            return {}, [f"`iai {command}`: {done.stderr}"]
    fresh.up()
    fresh.settle(SETTLED_S)
    stop_clocks(time.time_ns() + _AHEAD_S * NS)
    for one in (group, fresh):
        _sleep(one)
    with suppress(TooLate):  # what still differs then is named below
        wait_until(lambda: _alike(group, fresh), "they are alike", _PATIENCE_S, look_s=1)
    ours, theirs = ({**_derived(one), **_told(one, questions)} for one in (group, fresh))
    return {name: len(part) for name, part in theirs.items()}, list(unlike(ours, theirs))


def _alike(group: Group, fresh: Group) -> bool:
    return next(unlike(_derived(group), _derived(fresh)), None) is None


def unlike(ours: Parts, theirs: Parts) -> Iterator[str]:
    """Yield in words in what ours differ from theirs, which were rebuilt."""
    for name, part in theirs.items():
        keys = {*part, *ours[name]}
        wrong = [key for key in keys if ours[name].get(key) != part.get(key)]
        if wrong:
            shown = "; ".join(
                f"{key}: {_apart(ours[name].get(key), part.get(key))}"
                for key in sorted(wrong, key=str)[:_SHOWN]
            )
            yield f"{len(wrong)} of {len(keys)} {name} differ from a rebuild: {shown}"


def _apart(ours: object, theirs: object) -> str:
    """Say in what two values differ, from a little before the first place where they do."""
    told = str(ours), str(theirs)
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*told, strict=False)))
    start = max(0, alike - _BEFORE)
    mine, rebuilt = (one[start : start + _LENGTH] for one in told)
    return f"{mine} where a rebuild has {rebuilt}"


def _sleep(group: Group) -> None:
    """Have a group link records and find topics, and wake it again."""
    slept = _sleeps(group)
    with group.client() as client:
        client.call(Actor.LIFECYCLE, RequestState(state=State.SLEEP), LifecycleReport)
        wait_until(lambda: _sleeps(group) > slept, "a SLEEP is over", _SLEEP_S, look_s=0.2)
        client.call(Actor.LIFECYCLE, RequestState(state=State.WAKE), LifecycleReport)


def _sleeps(group: Group) -> int:
    return sum(e["kind"] == kind(SleepFinished) for e in ledger.read(group.layout.ledger))


def _derived(group: Group) -> Parts:
    """Read what a group derived from its records, by content."""
    readers = Readers(group.layout)
    try:
        with readers.records.view() as records:
            labels = [record.label for record in records.after(0)]
            projects = sorted(project.id for project in records.projects())
        with readers.vectors.view() as vectors, readers.graph.view() as graph:
            serving, noted = vectors.progress().serving, graph.progress()
            weights = vectors.generation(serving)
            held, rows = vectors.scan(serving, 0, _EVERYTHING)
            terms = graph.term_vectors(labels)
            counts = TermVectors(terms.values()).document_frequencies().by_term() if terms else ()
            topics = {project: graph.topics(project) for project in projects}
            return {
                "weights": {0: structs.replace(weights, number=0) if weights else None},
                "vectors": {label: row.tobytes() for label, row in zip(held, rows, strict=True)},
                "chunks of the vector index": dict(graph.chunks(noted.table)),
                "records of the lexical index": dict.fromkeys(lexical.labels(group.layout.lexical)),
                "records' terms": terms,
                "counts of terms": graph.document_frequencies(counts),
                "rows for filters": dict(enumerate(graph.facets().tolist())),
                "rows of neighbours": dict(
                    zip(labels, graph.neighbours(labels).tolist(), strict=True)
                ),
                "records' links": graph.kept(labels),
                "links to similar records": graph.kept_similar(labels),
                "projects' topics": {p: _without_revision(found) for p, found in topics.items()},
            }
    finally:
        readers.close()


def _without_revision(topics: Iterable[Topic]) -> list[Topic]:
    """A topic says when it was found, which is no part of what it is."""
    return [structs.replace(topic, revision=0) for topic in topics]


def _told(group: Group, questions: Iterable[str]) -> Parts:
    """Return what a group answers, and what its payloads say, once they are written again."""
    with group.client() as client:
        answers = {q: recall(client, Recall(query=q, k=10), _PATIENCE_S) for q in questions}
        client.call(Actor.CACHE_WRITER, Refresh(force=True), RefreshOutcome, _PATIENCE_S)
    layout = group.layout
    payloads = [layout.payload, *layout.session_start.glob("*.md")]
    return {
        "answers": {q: (a.hits, a.degraded) for q, a in answers.items()},
        "payloads": {path.name: path.read_text() for path in payloads},
    }
