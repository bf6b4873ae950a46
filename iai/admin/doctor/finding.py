"""The outcome of a check: its state and, if it is not well, what to do."""

from enum import StrEnum

from msgspec import Struct


class Verdict(StrEnum):
    """Severity. Only `FAIL` means that something doesn't work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Finding(Struct, frozen=True, kw_only=True):
    """The outcome of one check."""

    check: str
    verdict: Verdict
    said: str
    todo: str = ""
    fixable: bool = False  # by `iai doctor --fix`


def ok(check: str, said: str) -> Finding:
    """Return a finding: all is well."""
    return Finding(check=check, verdict=Verdict.OK, said=said)


def warn(check: str, said: str, todo: str, *, fixable: bool = False) -> Finding:
    """Return a finding: it works, but could be better."""
    return Finding(check=check, verdict=Verdict.WARN, said=said, todo=todo, fixable=fixable)


def fail(check: str, said: str, todo: str, *, fixable: bool = False) -> Finding:
    """Return a finding: it doesn't work."""
    return Finding(check=check, verdict=Verdict.FAIL, said=said, todo=todo, fixable=fixable)
