"""What the fields around a message of Claude Code's say: session, place, time, and who wrote it."""

from typing import Any

from msgspec import structs

from iai.hosts.json_fields import flag, identifier, path, text
from iai.hosts.times import moment
from iai.hosts.turn import Skip
from iai.model.context import Context

_USUAL_ENTRIES = (None, "cli")
_PROGRAMS = ("sdk", "mcp", "claude-code-github-action", "scheduled")  # of entries and sources
_USUAL_SOURCES = (None, "typed")
_PEOPLE = frozenset({"", "human", "user"})  # kinds of origins
_NO_PEOPLE = frozenset({  # `turnOrigin`, seen 2.1.277 on, without "human", "sdk" and "scheduled"
    "peer", "task_notification", "system", "auto_continuation", "coordinator", "plugin",
})  # fmt: skip
_FLAGS = {
    "isCompactSummary": Skip.SUMMARY,
    "isVisibleInTranscriptOnly": Skip.SUMMARY,
    "isMeta": Skip.META,
    "isSynthetic": Skip.META,
}


def situated(line: dict[str, Any], context: Context) -> Context:
    """Update session, place and time, which every line repeats; often only the time changes."""
    at = moment(line.get("timestamp")) or context.last_at
    if (
        line.get("cwd") == context.cwd
        and (line.get("gitBranch") or context.branch) == context.branch
        and (context.sub_agent or line.get("sessionId") == context.session)
        and line.get("entrypoint") in _USUAL_ENTRIES
        and line.get("promptSource") in _USUAL_SOURCES
        and "forkedFrom" not in line
    ):
        return context if at == context.last_at else structs.replace(context, last_at=at)
    session = identifier(line, "sessionId") or context.session
    if context.sub_agent and context.session:
        session = context.session
    cwd = path(line, "cwd") or context.cwd
    branch = identifier(line, "gitBranch") or context.branch
    if context.session and session != context.session:  # files of several sessions, put together
        context = structs.replace(context, title="", title_rank=0, unattended=False, forked_from="")
    unattended = context.unattended or _by_a_program(line)
    forked_from = context.forked_from or identifier(line.get("forkedFrom"), "sessionId")
    return structs.replace(
        context, session=session, cwd=cwd, branch=branch, unattended=unattended,
        forked_from=forked_from, last_at=at,
    )  # fmt: skip


def _by_a_program(line: dict[str, Any]) -> bool:
    entry, source = text(line, "entrypoint").lower(), text(line, "promptSource").lower()
    return entry.startswith(_PROGRAMS) or (not entry and source.startswith(_PROGRAMS))


def why_unsaid(line: dict[str, Any]) -> Skip | None:
    """Return why nobody said what is in a message, if a field beside it says so."""
    for name, why in _FLAGS.items():
        if name in line and flag(line, name):
            return why
    return None if by_a_person(line) else Skip.NOTICE


def by_a_person(fields: dict[str, Any]) -> bool:
    """Does what is said of the origin of a prompt, if anything, name a person?"""
    if "origin" not in fields:
        turn = text(fields, "turnOrigin").replace("-", "_")
        return turn not in _NO_PEOPLE and (turn != "" or fields.get("promptSource") != "system")
    origin = fields["origin"]
    kind = origin if isinstance(origin, str) else text(origin, "kind") or text(origin, "type")
    return kind in _PEOPLE


def is_typed(line: dict[str, Any]) -> bool:
    """Does the host say that a person typed it?"""
    return line.get("promptSource") == "typed" or text(line.get("origin"), "kind") == "human"


def uuid_of(line: dict[str, Any]) -> str:
    """Return the id of a line: where a fork copied it from elsewhere, the one that it had there."""
    first = identifier(line["forkedFrom"], "messageUuid") if "forkedFrom" in line else ""
    return first or identifier(line, "uuid")
