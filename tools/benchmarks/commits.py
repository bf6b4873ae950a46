"""Whether recall finds the sessions that made a commit, by its subject and by its files."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from harness.real_sessions import Commit, Session
from harness.replay import Replay
from msgspec import Struct

from benchmarks.stats import Stats

RANKS = (1, 5, 10)  # among so many different sessions, in the order of their first hits
BY_SUBJECT = "commit -> session"
BY_FILES = "commit's files -> session"
BY_FILE = "file -> session"
KINDS = (BY_SUBJECT, BY_FILES, BY_FILE)


class Question(Struct, frozen=True):
    """A text, and the sessions that it should find."""

    kind: str
    text: str
    files: tuple[str, ...]  # that it names; none for a subject
    gold: frozenset[str]


class Found(Struct, frozen=True):
    """What came of a question."""

    kind: str
    session: str  # the latest of those to be found
    rank: int  # of the first of them; 0 if none was found
    told: bool  # did one of them edit one of the files, or is it about none?


def questions(commits: Sequence[Commit]) -> Iterator[Question]:
    """Yield two questions for each commit, and one for each file of any."""
    by_file: dict[str, set[str]] = defaultdict(set)
    for commit in commits:
        gold, files = frozenset(commit.gold), tuple(commit.files)
        yield Question(BY_SUBJECT, commit.q, (), gold)
        yield Question(BY_FILES, " ".join(files), files, gold)
        for file in files:
            by_file[file] |= gold
    for file, sessions in by_file.items():
        yield Question(BY_FILE, file, (file,), frozenset(sessions))


def ask(question: Question, sessions: Sequence[Session], replay: Replay) -> Found:
    """Ask, and look at which place a session is that was to be found."""
    gold = [session for session in sessions if session.name in question.gold]
    edited = {path for session in gold for path in session.edited}
    place = rank((hit.session_id for hit in replay.recall(question.text)), question.gold)
    told = [path.endswith(f"/{file}") for path in edited for file in question.files]
    return Found(question.kind, gold[-1].name, place, not question.files or any(told))


def rank(sessions: Iterable[str], gold: frozenset[str]) -> int:
    """Return the place of the first of `gold` among different sessions, from 1; 0 if absent."""
    different = list(dict.fromkeys(sessions))
    return next((place for place, name in enumerate(different, 1) if name in gold), 0)


def figures(found: Sequence[Found]) -> Stats:
    """Return any@k of questions of one kind, and the share of those that could be answered."""
    if not found:
        return {}
    shares = {f"any@{most}": _share(0 < one.rank <= most for one in found) for most in RANKS}
    told = _share(one.told for one in found)
    return {f"{found[0].kind} ({len(found)})": {**shares, "told": told}}


def _share(facts: Iterable[bool]) -> float:
    known = list(facts)
    return round(sum(known) / len(known), 3)
