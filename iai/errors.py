"""Every error that iai raises on purpose, by whose fault it is. Pure."""

from pathlib import Path


class IaiError(Exception):
    """Base of all our errors, never raised itself. Its text is one line for the user."""


class BadUsage(IaiError):
    """The user asked for something impossible: exit code 2."""


class NotFound(IaiError):
    """There is nothing by that name."""


class NoRecord(NotFound):
    """There is no record with that number or id; it may have been forgotten."""

    def __init__(self, *refs: str) -> None:
        named = (f"#{ref}" if ref.isdigit() else ref for ref in refs)
        super().__init__(f"there is no record {', '.join(named)}")


class GroupNotRunning(IaiError):
    """The command needs the group, and none runs on this store: exit code 3."""


class NoAnswer(IaiError):
    """An actor did not answer before the deadline. It may be starting, busy or gone."""


class WireError(IaiError):
    """Base of errors between two processes."""


class BadMessageSent(WireError):
    """We built a message that cannot be sent: a bug of ours, so let it show."""


class BadMessageReceived(WireError):
    """A peer sent bytes that are not a valid message: answer or count, and continue.

    `code` is an `ErrorCode`, `request_id` is "" if it could not be read.
    """

    def __init__(self, code: str, reason: str, request_id: str = "") -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.request_id = request_id


class Refused(WireError):
    """The actor answered with an error; `code` is an `ErrorCode` of `iai.protocol.message`.

    Its text is the actor's own where the answer is about what the user asked for.
    """

    def __init__(self, code: str, actor: str, detail: str) -> None:
        own = code in ("not-found", "bad-request", "full")
        super().__init__(detail if own else f"{actor}: {detail} ({code})")
        self.code = code


class BadChange(IaiError):
    """What another machine of the team has sent is not a change: skip it, and count it."""


class NewerChange(BadChange):
    """A newer version of iai has sent it."""


class RulesLoading(IaiError):
    """The rules by which secrets are found are still being loaded: ask again."""


class Unsearchable(IaiError):
    """A text cannot be searched for secrets, through a fault of ours: it must not be stored."""


class StoreError(IaiError):
    """Base of errors with the files of the store."""


class StoreAbsent(StoreError):
    """Nothing was written there yet. Not a fault: its writer creates it when it starts."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} does not exist yet; `iai up` creates it")


class StoreOutdated(StoreAbsent):
    """An earlier iai wrote it, and the present writer has not migrated it yet."""

    def __init__(self, path: Path, found: int) -> None:
        StoreError.__init__(
            self,
            f"{path} was written by an earlier iai (schema {found}); `iai up` brings it up to date",
        )


class StoreTooNew(StoreError):
    """A newer iai wrote this store; writing to it could lose data."""

    def __init__(self, path: Path, found: int, supported: int) -> None:
        super().__init__(
            f"{path} was written by a newer iai (schema {found}, this one knows up to {supported});"
            " upgrade iai, or point IAI_MCP_STORE at another directory"
        )


class StoreCorrupt(StoreError):
    """The bytes on disk are not what we wrote. `path` is the directory, if known."""

    def __init__(self, detail: str, path: Path | None = None) -> None:
        super().__init__(f"{path} is damaged: {detail}" if path else detail)
        self.path = path


class Tampered(StoreCorrupt):
    """Sealed bytes are not what was sealed there: damaged, exchanged or forged."""


class StoreLocked(StoreError):
    """Base of the reasons why an encrypted store cannot be unlocked: for the user to solve."""


class EncryptionUnavailable(StoreLocked):
    """The cipher is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "encryption needs the package `cryptography`: run"
            " `pipx inject iai-memory cryptography`, or `pip install 'iai-memory[crypto]'`"
        )


class KeyMissing(StoreLocked):
    """The store is encrypted, and its key, or the file that says where it is, was not found."""


class KeyWrong(StoreLocked):
    """There is a key or a passphrase, but not that of this store."""


class StoreBusy(StoreError):
    """Another process is the writer of this environment."""


class StoreWriteFailed(StoreError):
    """The disk refused a write (full, read-only, ...). Nothing of that change was stored."""


class EmbedderUnavailable(IaiError):
    """The embedder's weights or tokenizer cannot be read: a restart will not help."""


class TeamError(IaiError):
    """Base of errors with a team, its members and its server."""


class TeamUnavailable(TeamError):
    """The packages of the extra `team` are not installed."""

    def __init__(self) -> None:
        super().__init__(
            "a team needs the packages `nats-py` and `cryptography`: run `pipx inject iai-memory"
            " nats-py cryptography`, or `pip install 'iai-memory[team]'`"
        )


class NoTeam(TeamError):
    """This machine is not in a team."""

    def __init__(self) -> None:
        super().__init__(
            "this machine is not in a team: `iai team join` accepts an invitation,"
            " `iai team create` starts a team"
        )


class MessageRefused(TeamError):
    """Base of the reasons why a message of a team is not taken in. Skip it, and count it."""


class Forged(MessageRefused):
    """It is not what a machine has signed, not where it was put, or no message at all."""


class NotAMember(MessageRefused):
    """The machine that says it is not in the team, or had left it by then."""


class UnknownKey(MessageRefused):
    """This machine does not have the key yet. Keep the message, and try again with the next key."""
