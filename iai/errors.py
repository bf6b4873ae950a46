"""Every error this project raises on purpose; whose fault it is shows in the type."""

from pathlib import Path


class IaiError(Exception):
    """Root of all our errors; nothing raises it itself. Its text is one line fit for a user."""


class BadUsage(IaiError):
    """The user asked for something that cannot be: exit code 2."""


class NotFound(IaiError):
    """There is nothing by that name."""


class GroupNotRunning(IaiError):
    """The command needs the process group and none runs on this store: exit code 3."""


class NoAnswer(IaiError):
    """A peer did not answer before the deadline. It may be starting, busy or gone."""


class WireError(IaiError):
    """Root of what goes wrong between two processes."""


class BadMessageSent(WireError):
    """We built a message that cannot travel: our own bug, let it be seen."""


class BadMessageReceived(WireError):
    """A peer sent bytes that are no valid message: answer, count, go on."""

    def __init__(self, code: str, reason: str, request_id: str = "") -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.request_id = request_id


class Refused(WireError):
    """The peer understood and said no; `code` is from `messages.ErrorCode`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{detail} ({code})")
        self.code = code


class StoreError(IaiError):
    """Root of what goes wrong with the files below the store directory."""


class StoreAbsent(StoreError):
    """Nothing has been written there yet. Not a fault: the writer creates it at its start."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} does not exist yet; `iai up` creates it")


class StoreOutdated(StoreAbsent):
    """An earlier iai wrote it, and its writer of today has not been there yet."""

    def __init__(self, path: Path, found: int) -> None:
        StoreError.__init__(
            self,
            f"{path} was written by an earlier iai (schema {found}); `iai up` brings it up to date",
        )


class StoreTooNew(StoreError):
    """A newer iai wrote this store; touching it could lose data."""

    def __init__(self, path: Path, found: int, supported: int) -> None:
        super().__init__(
            f"{path} was written by a newer iai (schema {found}, this one knows up to {supported});"
            " upgrade iai, or point IAI_MCP_STORE at another directory"
        )


class StoreCorrupt(StoreError):
    """The bytes on disk are not what we wrote. `path` is the directory where that is known."""

    def __init__(self, detail: str, path: Path | None = None) -> None:
        super().__init__(f"{path} is damaged: {detail}" if path else detail)
        self.path = path


class StoreBusy(StoreError):
    """Another process is the writer of this environment."""


class StoreWriteFailed(StoreError):
    """The disk refused a write (full, read-only, ...). Nothing of that change was kept."""


class EmbedderUnavailable(IaiError):
    """The embedder's weights or tokenizer cannot be read; restarting will not help."""
