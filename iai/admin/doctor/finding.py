"""What a check found: a line that says how it is and, where it is not well, what to do."""

from enum import StrEnum

from msgspec import Struct


class Verdict(StrEnum):
    """How bad it is. Only `FAIL` means that something does not work."""

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
    """All is well."""
    return Finding(check=check, verdict=Verdict.OK, said=said)


def warn(check: str, said: str, todo: str, *, fixable: bool = False) -> Finding:
    """It works, but not as it could."""
    return Finding(check=check, verdict=Verdict.WARN, said=said, todo=todo, fixable=fixable)


def fail(check: str, said: str, todo: str, *, fixable: bool = False) -> Finding:
    """It does not work."""
    return Finding(check=check, verdict=Verdict.FAIL, said=said, todo=todo, fixable=fixable)
