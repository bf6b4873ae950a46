"""Whether all is well and what to do next, in five lines at most: what `iai` alone prints."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from iai.admin import status
from iai.admin.doctor import group, machine
from iai.admin.doctor.finding import Finding, Verdict
from iai.admin.status import Document
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.install import host_transcripts
from iai.model.units import count

SHOWN = 2  # findings
_OPTIONAL = "service"  # a check that is no problem if it fails
_FIRST = (
    "iai is not running, and nothing is stored yet",
    "next: `iai up --detach` starts it, `iai hooks install` connects Claude Code and Codex",
    "`iai help` lists the commands, `iai doctor` shows every check",
)
_STATES = {
    "running": "iai is running",
    "stopped": "iai is not running",
    "not answering": "iai is not answering",
}


class Summary(NamedTuple):
    """The lines, whether all is well, and whether iai is running."""

    lines: list[str]
    well: bool
    running: bool


def summarize(settings: Settings, environment: Mapping[str, str]) -> Summary:
    """Look at everything that `iai status` and `iai doctor` show, and say the most important."""
    layout = Layout(settings.store)
    if not layout.root.exists():  # not a fault: the first thing that a new user sees
        return Summary(list(_FIRST), well=False, running=False)
    document, _ = status.collect(settings)
    every = (*machine.checks(layout, environment, settings), *group.checks(layout, settings))
    findings = sorted(
        (one for one in every if one.verdict is not Verdict.OK and one.check != _OPTIONAL),
        key=lambda one: one.verdict is not Verdict.FAIL,
    )
    running = document["group"]["state"] != "stopped"
    return Summary(list(_lines(document, findings, environment)), not findings, running)


def _lines(
    document: Document, findings: list[Finding], environment: Mapping[str, str]
) -> Iterator[str]:
    head = _STATES[document["group"]["state"]]
    yield f"{head}, {_counted(findings)}" if findings else f"{head}, and all is well"
    records = document["watermark"]["records_count"]
    yield f"{count(records, 'record')} in {document['group']['store']}; {_text(document)}"
    for one in findings[:SHOWN]:
        yield f"{one.verdict} {one.check}: {one.said} -> {one.todo}"
    if not findings:
        yield f"next: {_next(records, environment)}"
    more = ", `iai doctor` shows every check" if findings else ""
    yield f"`iai help` lists the commands{more}"


def _counted(findings: list[Finding]) -> str:
    failed = sum(one.verdict is Verdict.FAIL for one in findings)
    parts = ((failed, "problem"), (len(findings) - failed, "warning"))
    return ", ".join(count(number, what) for number, what in parts if number)


def _text(document: Document) -> str:
    behind = document["payload"]["behind"]
    if behind is None:
        return "it is not known whether the session-start text is current"
    return "the session-start text is " + (
        f"{count(behind, 'change')} behind" if behind else "current"
    )


def _next(records: int, environment: Mapping[str, str]) -> str:
    if not records and (found := host_transcripts.measure(environment).files):
        return f"`iai import --all` imports {count(found, 'past session')}"
    return "`iai preview` prints what the next session here starts with, `iai recall` searches"
