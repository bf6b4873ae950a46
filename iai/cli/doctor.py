"""Diagnose problems and suggest fixes.

Each line is one check: ok, warn (it works, but could be better) or fail. The exit code is 1 if a
check fails. --fix repairs what is safe to repair: permissions in the store, sockets that a killed
iai left behind, and records that cannot be opened at all: the newest intact automatic backup takes
their place. Where only the keys in crypto.json are lost, those of a backup take their place.

--deep reads everything that is stored and names each damaged record and file, whether or not iai is
running. With --fix, and while iai is down, damaged files that can be rebuilt from the records are
deleted. Where only some records are damaged, they stay as they are: all others can be read.

example: iai doctor
"""

import os
import re
import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import suppress

import msgspec

from iai.admin.doctor import backups, deep, encryption, group, machine, own_keys
from iai.admin.doctor.finding import Finding, Verdict, fail
from iai.cli import options
from iai.cli.output import print_json, show
from iai.cli.progress import bar
from iai.config.layout import Layout
from iai.config.permissions import open_up, secure
from iai.config.settings import Settings
from iai.errors import StoreError
from iai.model.units import count

LOOKS = (
    re.compile(r"^(?:(?P<ok>ok)|(?P<warn>warn)|(?P<fail>fail)) +(?P<head>[a-z -]+?)  "),
    re.compile(r"^ +(?P<todo>-> .*)"),
)
_RECORDS = ("records", "deep records")  # checks whose fix is to restore a backup


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--fix", action="store_true", help="repair what is safe to repair")
    parser.add_argument("--deep", action="store_true", help="also read everything that is stored")
    options.add_json(parser)


def run(args: Namespace, settings: Settings) -> int:
    layout = Layout(settings.store)
    findings = _findings(layout, settings, deeply=args.deep)
    if args.fix and any(finding.fixable for finding in findings):
        failed = list(_fix(layout, findings))
        findings = [*failed, *_findings(layout, settings, deeply=args.deep)]
    worst = [finding.verdict for finding in findings]
    if args.json:
        print_json({"ok": Verdict.FAIL not in worst, "checks": msgspec.to_builtins(findings)})
    else:
        show(map(_line, findings), LOOKS)
        print(f"{worst.count(Verdict.FAIL)} failed, {count(worst.count(Verdict.WARN), 'warning')}")
    return 1 if Verdict.FAIL in worst else 0


def _findings(layout: Layout, settings: Settings, *, deeply: bool) -> list[Finding]:
    found = [
        *_guarded(machine.checks(layout, os.environ, settings)),
        *_guarded(encryption.checks(layout, settings)),
        *_guarded(group.checks(layout, settings)),
    ]
    if deeply:
        with bar("reading everything") as shown:
            for finding in _guarded(deep.checks(layout)):
                found.append(finding)
                shown.reach(0, finding.check)
    return found


def _guarded(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield these findings; where a file is out of reach, that is the last of them."""
    try:
        yield from findings
    except OSError as error:
        yield fail("reach", _said(error), "what else is wrong can be said once it is in reach")


def _fix(layout: Layout, findings: list[Finding]) -> Iterator[Finding]:
    """Repair what can be; yield what could not be, and why."""
    for repair in (_open_up, _put_back, _remove_sockets):
        try:
            repair(layout, findings)
        except (StoreError, OSError) as error:
            yield fail("fix", _said(error), "free some space, or move it away; then try again")


def _open_up(layout: Layout, _: list[Finding]) -> None:
    open_up(layout.root)
    with suppress(StoreError):  # what is not for us to change stays a finding
        secure(layout.root)


def _put_back(layout: Layout, findings: list[Finding]) -> None:
    if (backup := own_keys.kept(layout)) is not None:
        print(own_keys.put_back(layout, backup), file=sys.stderr)
    elif _lost(layout, findings):
        print(backups.restore(layout), file=sys.stderr)  # this deletes all that is derived
    else:
        deep.delete_damaged(layout, findings)


def _lost(layout: Layout, findings: list[Finding]) -> bool:
    """Are the records damaged, also now that what was closed is open and the keys are back?"""
    found = any(finding.check in _RECORDS and finding.fixable for finding in findings)
    return found and backups.damage(layout) is not None


def _remove_sockets(layout: Layout, _: list[Finding]) -> None:
    if group.sockets_left(layout):
        shutil.rmtree(layout.sockets, ignore_errors=True)


def _said(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _line(finding: Finding) -> str:
    todo = f"\n{'':<24}-> {finding.todo}" if finding.todo else ""
    return f"{finding.verdict:<5} {finding.check:<17} {finding.said}{todo}"
