"""One session as a few facts: what was asked, what was done, how it ended, what is open. Pure."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from operator import itemgetter
from typing import Literal, TypeAlias

from msgspec import Struct, structs

from iai.model import framing
from iai.model.action import CHANGES, COMMAND, Action, Step
from iai.model.exchange import Exchange
from iai.model.record import Record
from iai.model.session import SessionInfo
from iai.payload import choices, cues
from iai.payload.file_work import NOT_DONE, FileWork, files_of, name_of

Outcome: TypeAlias = Literal["answered", "interrupted", "unanswered"]

REQUESTS = 8  # kept of a session beside its first
SMALL_TALK = 2  # requests of a session that may be too little to go on with
SMALL_TALK_LOOKS = 3  # what it looked at, at most
SMALL_TALK_TEXT = 300  # characters of what was asked, at most
SMALL_TALK_ANSWERS = 200  # and of what was answered, where anything was looked at
_SETTING = 2  # words, at most
_NAME, _STEP = 60, 80  # characters of a file, a plan or a command that was refused
_DONE = frozenset({"completed", "done", "cancelled", "deleted"})  # states of a step, by any host
_SUMMARY_RANK = 1  # of a title: see `iai.hosts.claude`
_THROWAWAY = re.compile(r"(initial( commit)?|init|wip|test|tmp)\W*", re.IGNORECASE)  # subjects
_LOOKS = frozenset({"read", "command", "search", "test", "web", "agent", "tool"})
_ANNOUNCEMENT = 140  # characters: of what agents say between two steps, nearly all is shorter
_FAILED_OR_NOT_DONE = NOT_DONE | {"failed"}
_PROSE = re.compile(r"\.(?:md|rst|txt|adoc)$", re.IGNORECASE)
_MADE = frozenset({"commit", "pull-request"})
_BESIDE = re.compile(  # tests and prose: long beside what they are about
    r"(?:^|/)(?:tests?|__tests__|specs?|\w+_tests?)/|(?:^|/)test_[^/]*$|[._-](?:tests?|spec)\.\w+$"
    r"|\.(?:md|rst|txt|adoc)$",
    re.IGNORECASE,
)
_BESIDE_SHARE = 0.05  # of what another line counts for
_WORK = CHANGES | _MADE | {"todo", "plan", "question", "branch"}


class Summary(Struct, frozen=True, kw_only=True):
    """A session, seen from the next one. Times are nanoseconds UTC."""

    info: SessionInfo
    began_at: int
    ended_at: int
    requests: tuple[Record, ...] = ()  # the first, then the latest `REQUESTS`
    last: Exchange = Exchange()  # without its narration
    work: Exchange | None = None  # the last that changed, or else explained, much; if another
    result: Record | None = None  # the answer to the request for which the most was changed
    said: tuple[Record, ...] = ()  # what the user answered, or said with a refusal
    about: dict[int, str] = {}  # by `order`: the answer that a request replies to, what is refused
    choices: dict[int, str] = {}  # by `order`: the option of that answer that a request chooses
    files: tuple[FileWork, ...] = ()  # the most changed first, then those only read
    commits: tuple[Action, ...] = ()
    pull_requests: tuple[Action, ...] = ()
    test: Action | None = None  # the last run of its tests
    edited_since: bool = False  # was a file other than prose changed after that run?
    failed_before: Action | None = None  # a larger run of them that failed, and was not repeated
    plan: Action | None = None  # that was accepted, and not carried out
    steps: frozenset[str] = frozenset()  # all that were on its to-do lists
    open_steps: tuple[Step, ...] = ()  # of the last of these
    outcome: Outcome = "answered"
    closed: bool = False  # the user said that it is done
    dismissed: bool = False  # the user does not want to see it again
    worktree: str = ""  # name of the other checkout that it was held in; "": in this one
    trivial: bool = False  # nothing to go on with: a greeting, a question about a setting
    arrived_at: int = 0  # when the last of its turns was stored here

    @property
    def changed(self) -> tuple[FileWork, ...]:
        """The files that were written to, and are still there."""
        return tuple(file for file in self.files if file.changes)

    @property
    def title(self) -> str:
        """What it is called, if that can be trusted; else "".

        A `summary` line of Claude Code stands in the files of other sessions as well.
        """
        return self.info.title if self.info.title_rank > _SUMMARY_RANK else ""

    @property
    def goal(self) -> Record | None:
        """The first request that says what it is about; None where nothing was asked."""
        return next(_goal(self.requests), None)


def summarise(
    exchanges: Sequence[Exchange], info: SessionInfo, at: tuple[int, int], root: str = ""
) -> Summary:
    """Return a session as its facts; `at` is when it began and when it last moved.

    `root` is the top of the project's working tree.
    """
    exchanges = [_with_command(_carrying_out(exchange)) for exchange in exchanges]
    actions = [action for exchange in exchanges for action in exchange.actions]
    tests = [action for action in actions if action.kind == "test"]
    lists = [action for action in actions if action.kind == "todo"]
    requests = [e.request for e in exchanges if e.request is not None and not _only_sets(e)]
    said = [t for e in exchanges for t in e.meanwhile if t.kind in ("answer", "refusal")]
    options = _choices(exchanges)
    last = exchanges[-1] if exchanges else Exchange()
    between = [request for request in requests[1:] if not request.dismissed]
    latest_first = [(much, e) for e in reversed(exchanges) if (much := _work_in(e))]
    wrote = (e for _, e in latest_first if any(a.kind in CHANGES for a in e.actions))
    worked = next(chain(wrote, (e for _, e in latest_first)), _explained(exchanges))
    _, most = max(latest_first, key=itemgetter(0), default=(0, _most_answered(exchanges)))
    return Summary(
        info=info,
        began_at=at[0],
        ended_at=at[1],
        requests=(*requests[:1], *between[-REQUESTS:]),
        last=_shown(_until_interrupted(last)),
        work=None if worked is last else _shown(worked),
        result=most.answer,
        said=tuple(said),
        about=_about(exchanges),
        choices=options,
        files=files_of(actions, (root, info.cwd)),
        commits=_commits(actions),
        pull_requests=_once(action for action in actions if action.kind == "pull-request"),
        test=tests[-1] if tests else None,
        edited_since=bool(tests) and _edited_after(actions, tests[-1]),
        failed_before=_failed_before(tests),
        plan=_not_carried_out(actions),
        steps=frozenset(step.text for action in lists for step in action.steps),
        open_steps=_open(lists[-1].steps if lists else ()),
        closed=any("done" in turn.marks for e in exchanges for turn in e.turns),
        dismissed=any(r.dismissed for r in (*requests[:1], *_goal(requests), *requests[-1:])),
        outcome=_outcome(last),
        trivial=not options and _trivial(exchanges, requests, said),
    )


def _about(exchanges: Sequence[Exchange]) -> dict[int, str]:
    """Return what each request replies to that refers to it, and what each refusal refuses."""
    about: dict[int, str] = {}
    for before, exchange in pairwise([Exchange(), *exchanges]):
        request = exchange.request
        if request is not None and before.answer is not None and cues.refers(request.text):
            about[request.order] = before.answer.text
        for turn in exchange.meanwhile:
            if turn.kind == "refusal":
                refused = (a for a in exchange.actions if a.status == "refused")
                about[turn.order] = next(
                    (_step(a) for a in reversed([*refused]) if a.at <= turn.order), ""
                )
    return about


def _choices(exchanges: Sequence[Exchange]) -> dict[int, str]:
    return {
        exchange.request.order: option
        for before, exchange in pairwise(exchanges)
        if exchange.request and before.answer
        if (option := choices.chosen(exchange.request.text, before.answer.text))
    }


def _step(action: Action) -> str:
    """Return what an agent was about to do, to stand behind a verb; "" if that is not known."""
    if action.path:
        return f"an edit of {framing.inline(name_of(action.path), _NAME)}"
    if action.kind == "plan":
        return f'the plan "{framing.inline(action.text.removeprefix("Plan: "), _STEP)}"'
    return f"`{framing.inline(action.text, _STEP)}`" if action.kind in ("command", "test") else ""


def _carrying_out(exchange: Exchange) -> Exchange:
    """Return an exchange with the plan that it carries out as its request, if it has no other."""
    plan = next((turn for turn in exchange.meanwhile if turn.kind == "plan"), None)
    if exchange.request is not None or plan is None:
        return exchange
    rest = tuple(turn for turn in exchange.meanwhile if turn is not plan)
    return structs.replace(exchange, request=plan, meanwhile=rest)


def command(exchange: Exchange) -> str:
    """Return the slash command that the user typed for an exchange, or for its arguments; or ""."""
    request = exchange.request
    at = 0 if request is None else request.created_at
    typed = (a for a in exchange.actions if a.kind == "skill" and a.name == COMMAND)
    return next((a.text for a in typed if at in (0, a.at)), "")


def _only_sets(exchange: Exchange) -> bool:
    """Return whether a request is a word or two behind one of the host's commands ("/model x")."""
    request = exchange.request
    if request is None or request.kind != "command" or command(exchange):
        return False
    return len(request.text.split()) <= _SETTING


def _with_command(exchange: Exchange) -> Exchange:
    """Return an exchange whose request, if it is what followed a slash command, begins with it."""
    request, name = exchange.request, command(exchange)
    if request is None or request.kind != "command" or not name or request.text.startswith(name):
        return exchange
    return structs.replace(
        exchange, request=structs.replace(request, text=f"{name} {request.text}")
    )


def _most_answered(exchanges: Sequence[Exchange]) -> Exchange:
    """Return what a review or an explanation came to: the last of the long answers.

    If the first request is a question, it is the answer to that, if it is a long one, too.
    """
    answered = [e for e in exchanges if e.answer and not (e.request and e.request.dismissed)]
    longest = max(map(_answer_length, answered), default=0)
    long = [e for e in answered if _answer_length(e) >= longest / 2]
    question = long[:1] == answered[:1] and any(map(_asks, long[:1]))
    return next(iter(long if question else reversed(long)), Exchange())


def _explained(exchanges: Sequence[Exchange]) -> Exchange:
    """Return the exchange that explained the most, where nothing was changed.

    The last one, unless an earlier answer says at least half as much.
    """
    *earlier, last = exchanges or [Exchange()]
    answered = (e for e in earlier if not (e.request and e.request.dismissed))
    most = max(answered, key=_answer_length, default=last)
    return most if _answer_length(most) >= max(1, _answer_length(last) / 2) else last


def _answer_length(exchange: Exchange) -> int:
    return len(exchange.answer.text) if exchange.answer else 0


def _asks(exchange: Exchange) -> bool:
    return exchange.request is not None and exchange.request.text.rstrip().endswith("?")


def _shown(exchange: Exchange) -> Exchange:
    meanwhile = tuple(turn for turn in exchange.meanwhile if not turn.dismissed)
    return structs.replace(exchange, narration=(), meanwhile=meanwhile)


def _until_interrupted(exchange: Exchange) -> Exchange:
    """Return an exchange without the text that announced the step at which it was interrupted.

    A longer text says more than what comes next: it is an answer, though more was to follow.
    """
    cut = [action.at for action in exchange.actions[-1:] if action.status == "interrupted"]
    answer = exchange.answer
    if answer is None or not cut or answer.created_at > cut[0]:
        return exchange
    if len(answer.text) > _ANNOUNCEMENT:
        return exchange
    return structs.replace(exchange, answer=None)


def _work_in(exchange: Exchange) -> float:
    """Return how much was changed in an exchange that can be shown; 0 only if nothing was."""
    if exchange.answer is None or (exchange.request and exchange.request.dismissed):
        return 0
    did = (a for a in exchange.actions if a.kind in CHANGES or a.kind in _MADE)
    return sum(map(_weight, (action for action in did if action.status not in NOT_DONE)))


def _weight(change: Action) -> float:
    share = _BESIDE_SHARE if _BESIDE.search(change.path) else 1.0
    return share * (1 + change.added + change.removed)


def _goal(requests: Sequence[Record]) -> Iterator[Record]:
    """Yield the first request that is more than a greeting, consent, an address or a command.

    Nor is it a page of markup with nothing said below it.
    """
    said = (request for request in requests if _names_a_goal(request.text))
    yield from islice(chain(said, requests), 1)


def _names_a_goal(text: str) -> bool:
    one_word = text.strip()
    if cues.is_page(text) and one_word.endswith(">"):
        return False
    if cues.small_talk(text) or cues.agrees(text):
        return False
    return one_word.isalpha() or len(one_word.split()) > 1


def _commits(actions: Iterable[Action]) -> tuple[Action, ...]:
    """Return the commits that say something; of those with one subject, the last, as amended."""
    latest = {a.text: a for a in actions if a.kind == "commit" and not throwaway(a)}
    return tuple(latest.values())


def _edited_after(actions: Sequence[Action], test: Action) -> bool:
    later = actions[actions.index(test) :]
    changes = (a for a in later if a.kind in CHANGES and a.status not in _FAILED_OR_NOT_DONE)
    return any(not _PROSE.search(change.path) for change in changes)


def _failed_before(tests: Sequence[Action]) -> Action | None:
    """Return a larger run that failed, and of whose failures the runs after it were too few."""
    for place in range(len(tests) - 2, -1, -1):
        run, later = tests[place], tests[place + 1 :]
        if run.status == "failed" and run.failed:
            again = any(
                t.text == run.text or t.passed >= run.failed or not (t.passed or t.failed)
                for t in later
            )  # a runner that gives no counts may have run them all
            return None if again or later[-1].status == "failed" else run
    return None


def _not_carried_out(actions: Sequence[Action]) -> Action | None:
    """Return the last plan, if it was accepted and nothing was changed since."""
    for action in reversed(actions):
        if action.kind == "plan":
            return action if action.status == "ok" else None
        if action.kind in CHANGES or action.kind in _MADE:
            return None
    return None


def throwaway(commit: Action) -> bool:
    """Return whether a commit says nothing, as one in a repository made for a test."""
    return _THROWAWAY.fullmatch(commit.text) is not None


def _open(steps: Iterable[Step]) -> tuple[Step, ...]:
    return tuple(step for step in steps if step.state not in _DONE)


def _trivial(
    exchanges: Sequence[Exchange], requests: Sequence[Record], said: Sequence[Record]
) -> bool:
    actions = [action for exchange in exchanges for action in exchange.actions]
    looked = sum(action.kind in _LOOKS for action in actions)
    text = sum(len(request.text) for request in requests)
    answers = sum(len(e.answer.text) for e in exchanges if e.answer) if looked else 0
    little = len(requests) <= SMALL_TALK and looked <= SMALL_TALK_LOOKS and text <= SMALL_TALK_TEXT
    if not little or answers > SMALL_TALK_ANSWERS or said:
        return False
    if any(a.kind in _WORK or a.status == "failed" or a.name == COMMAND for a in actions):
        return False
    return not any(r.kind == "plan" or cues.decided(r.text) for r in requests)  # dear: asked last


def _once(actions: Iterable[Action]) -> tuple[Action, ...]:
    by_number = {action.number: action for action in actions}
    return tuple(by_number.values())


def _outcome(last: Exchange) -> Outcome:
    """Return how a session ended, by its last exchange."""
    if any(action.status == "interrupted" for action in last.actions[-1:]):
        return "interrupted"
    return "answered" if last.answer is not None else "unanswered"
