"""The rules of the library `kingfisher-secret-scanner`, loaded when they are first needed.

Loading takes 0.3 s of CPU, and 4 s where the rules are not compiled yet for this machine; so it is
done in a thread, and requests meanwhile are refused, to be tried again. They take some 45 MB of
memory. Only its scanner is used, which touches no network; never its `Validator`, which does.
"""

import importlib
import logging
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from iai.config.layout import private
from iai.errors import RulesLoading
from iai.redaction.finding import BY_LIBRARY, Finding
from iai.redaction.marks import kind_named

if TYPE_CHECKING:
    from kingfisher_sdk import Scanner

log = logging.getLogger(__name__)

_TIMEOUT_S = 5.0  # for one text; a megabyte takes 10 ms
# What the library reports besides secrets: names and public halves, by the end of a rule's name.
_PUBLIC = ("client-id", "account-id", "-name", "username", "-host", "-domain", "-address",
           "project-url", "instance-url", "pub-key", "public-key", "public-api-token")  # fmt: skip


class Kingfisher:
    """A `Detector`. Where the library has no build for the platform, it finds nothing."""

    def __init__(self, cache: Path) -> None:
        """`cache` is the directory of the compiled rules."""
        self._cache = cache
        self._scanner: Scanner | None = None
        self._thread: threading.Thread | None = None

    @property
    def loading(self) -> bool:
        """Are the rules being loaded?"""
        return self._thread is not None and self._thread.is_alive()

    def __call__(self, text: str) -> list[Finding]:
        """Return the secrets in a text. Raises RulesLoading while the rules are loaded."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._load, name="rules", daemon=True)
            self._thread.start()
        if self._thread.is_alive():
            raise RulesLoading("the rules of the secret scanner are being loaded; try again")
        if self._scanner is None:
            return []
        try:
            return _findings(self._scanner, text)
        except (TimeoutError, RuntimeError) as error:
            log.warning("a text was searched for secrets by iai's own rules alone: %s", error)
            return []

    def wait(self) -> None:
        """Load the rules now, unless they are loaded."""
        try:
            self("")
        except RulesLoading:
            assert self._thread is not None  # noqa: S101  for mypy
            self._thread.join()

    def _load(self) -> None:
        try:
            private(self._cache)
            kingfisher = importlib.import_module("kingfisher_sdk")
            self._scanner = kingfisher.Scanner(kingfisher.Rules(cache_dir=self._cache))
        except Exception as error:  # noqa: BLE001  our own rules still apply
            log.warning("secrets are found by iai's own rules alone: %s", error)


def _findings(scanner: "Scanner", text: str) -> list[Finding]:
    data = text.encode("utf-8", "replace")
    found = []
    for finding in scanner.scan(data, timeout=_TIMEOUT_S):
        kind = _kind(finding.rule_id)
        if finding.visible and not kind.endswith(_PUBLIC):
            place = finding.location
            start = len(data[: place["start_offset"]].decode("utf-8", "ignore"))
            secret = data[place["start_offset"] : place["end_offset"]].decode("utf-8", "ignore")
            found.append(Finding(start, start + len(secret), kind, BY_LIBRARY))
    return found


def _kind(rule: str) -> str:
    """Return the kind of a rule such as `betterleaks.stripe-access-token.1`."""
    return kind_named(
        rule.removeprefix("betterleaks.").removeprefix("veles.secrets/").rstrip(".0123456789")
    )
