"""The pages of the installation: its settings, and its health."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain

import msgspec
from msgspec import Struct

from iai.admin.doctor import group, machine
from iai.admin.doctor.finding import Finding, Verdict
from iai.config import config_file
from iai.config.settings import Source, resolve, shown
from iai.ui.page_request import Document, PageRequest

_SEVERITY = (Verdict.OK, Verdict.WARN, Verdict.FAIL)
_DEEP = [sys.executable, "-m", "iai", "doctor", "--deep", "--json"]


def settings(request: PageRequest) -> Document:
    """Return each setting with its value, where that comes from, and its default."""
    found, warnings = resolve(os.environ, config_file.read(request.layout.config)[0])
    return {
        "store": request.settings.store,
        "config": request.layout.config,
        "warnings": warnings,
        "settings": [
            {
                "name": one.name,
                "value": shown(one.value),
                "unit": one.unit,
                "default": shown(one.default),
                "source": one.source,
                "variable": one.setting.variable,
                "meaning": one.setting.meaning,
                "changed": one.source is not Source.DEFAULT,
            }
            for one in found
        ],
    }


class Examined(Struct, frozen=True, kw_only=True):
    """What `iai doctor --deep` found, and when."""

    at: int  # UTC nanoseconds
    seconds: float  # that it took
    findings: list[Finding]
    problem: str = ""  # why there are no findings


class Examination:
    """The checks that read all that is kept: a process of their own, and what the last one found.

    They take a second for some ten thousand records, so no page waits for them.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self.since = 0.0  # monotonic
        self.last: Examined | None = None

    @property
    def running(self) -> bool:
        """Is one under way?"""
        return self._process is not None

    def begin(self) -> None:
        """Begin one, unless one is under way."""
        if self._process is None:
            self.since = time.monotonic()
            self._process = subprocess.Popen(  # noqa: S603
                _DEEP,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            threading.Thread(target=self._wait, args=(self._process,), daemon=True).start()

    def end(self) -> None:
        """End the one that is under way."""
        if (process := self._process) is not None:
            with suppress(ProcessLookupError):
                process.terminate()

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        out, errors = process.communicate()
        problem, findings = "", list[Finding]()
        try:
            findings = worst_first(msgspec.convert(json.loads(out)["checks"], list[Finding]))
        except (ValueError, KeyError, msgspec.ValidationError):
            problem = errors.decode("utf-8", "replace").strip() or f"exit {process.returncode}"
        self.last = Examined(
            at=time.time_ns(),
            seconds=time.monotonic() - self.since,
            findings=findings,
            problem=problem,
        )
        self._process = None


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Return what is wrong before what is not, each in the order in which it was checked."""
    return sorted(findings, key=lambda one: -_SEVERITY.index(one.verdict))


def health(request: PageRequest, examination: Examination) -> Document:
    """Return what `iai doctor` finds at once, and what it found when it last read everything."""
    checks = chain(
        machine.checks(request.layout, os.environ, request.settings),
        group.checks(request.layout, request.settings, verify=False),
    )
    found = worst_first(checks)
    verdicts = [finding.verdict for finding in found]
    return {
        "findings": found,
        "failed": verdicts.count(Verdict.FAIL),
        "warnings": verdicts.count(Verdict.WARN),
        "examining": examination.running,
        "examining_s": time.monotonic() - examination.since,
        "last": examination.last,
    }
