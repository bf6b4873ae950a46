"""What was done in each session, beside the records: small values, found by file and by commit.

They are in the environment of the records, so that turns, actions and the offset up to which a
transcript was read are committed together.
"""

from collections.abc import Callable, Collection, Iterable, Iterator

import msgspec
from msgspec import structs

from iai.model.action import Action, outlasts_rewind
from iai.model.record import DIGEST, digest
from iai.model.session import SessionInfo
from iai.store.codec import decode_u64, encode_time, encode_u64, pack, unpack
from iai.store.environment import Tables
from iai.store.transaction import BEYOND

DATABASES = (
    "actions",  # session, time, number of the action -> Action
    "action_keys",  # hash of the idempotency key -> number, and of another machine's its place:
    # session, time, machine; stays when the action is forgotten. And hashes of titles and sessions
    # that were forgotten -> 0; and of another machine's session, its revision at which that was
    "by_file",  # last part of the path, NUL, time, session, number
    "by_commit",  # hash, NUL, time, session, number
    "session_info",  # session -> SessionInfo
)
_EMPTY = b""
_NONE = encode_u64(0)
_LONGEST_NAME = 200  # bytes of a file's name in a key: LMDB takes 511 for the whole
_PLACE = 32  # bytes of time, session and number at the end of a key
_LATEST = b"max_action"
_MACHINE = 16  # bytes of a machine's id
EVER = -(1 << 62)  # nanoseconds: before all that was ever done


class ActionView(Tables):
    """What was done, as of one moment."""

    def actions(self, session: bytes, *, newest_first: bool = False) -> Iterator[Action]:
        """Yield what was done in a session (see `session_key`), in the order it was done in.

        What was undone by a rewind is left out.
        """
        every = self.all_actions(session, newest_first=newest_first)
        return (action for action in every if not action.undone)

    def all_actions(self, session: bytes, *, newest_first: bool = False) -> Iterator[Action]:
        """Yield what was done in a session like `actions`, with what was undone."""
        for _, data in self._t.prefixed(self._db["actions"], session, back=newest_first):
            yield unpack(data, Action)

    def everything_done(self, session: bytes = b"") -> Iterator[tuple[bytes, Action]]:
        """Yield all that was done, each with its session; also what a rewind has undone.

        `session`: only what was done in that one.
        """
        for key, data in self._t.prefixed(self._db["actions"], session):
            yield key[:DIGEST], unpack(data, Action)

    def session_infos(self) -> Iterator[SessionInfo]:
        """Yield what is known of each session."""
        for _, data in self._t.entries(self._db["session_info"]):
            yield unpack(data, SessionInfo)

    def actions_between(self, session: bytes, since: int, until: int | None) -> Iterator[Action]:
        """Yield what was done in a session from a time on, up to another, in order.

        What was undone by a rewind is left out.
        """
        return (a for _, a in self._between(session, since, until) if not a.undone)

    def action(self, key: bytes) -> Action | None:
        """Return an action by its own key: session, time, number."""
        data = self._t.intact(key, db=self._db["actions"])
        return unpack(data, Action) if data is not None else None

    def keys_between(self, session: bytes, since: int, until: int | None) -> list[bytes]:
        """Return the keys of what was done in a session between two times, undone or not."""
        return [key for key, _ in self._between(session, since, until)]

    def has_action(self, key: str) -> bool:
        """Return whether an action with this idempotency key was ever stored."""
        return self._t.has(digest(key), db=self._db["action_keys"])

    def session_info(self, session: bytes) -> SessionInfo | None:
        """Return what is known of a session; None where nothing is but its turns."""
        data = self._t.intact(session, db=self._db["session_info"])
        return unpack(data, SessionInfo) if data is not None else None

    def session_info_each(self, sessions: Collection[bytes]) -> dict[bytes, SessionInfo | None]:
        """Return what `session_info` does of each session, in half the time."""
        stored = self._t.getmulti(sessions, db=self._db["session_info"])
        return {
            session: unpack(data, SessionInfo) if data is not None else None
            for session, data in zip(sessions, stored, strict=True)
        }

    def actions_from(self, key: bytes) -> Iterator[tuple[bytes, Action]]:
        """Yield all actions from a key on, each with its own: session, time, number."""
        for own, data in self._t.entries(self._db["actions"], key):
            yield own, unpack(data, Action)

    def sessions_from(self, key: bytes) -> Iterator[tuple[bytes, SessionInfo]]:
        """Yield what is known of all sessions from a key on, each with its own."""
        for own, data in self._t.entries(self._db["session_info"], key):
            yield own, unpack(data, SessionInfo)

    def not_forgotten(self, info: SessionInfo) -> SessionInfo:
        """Return what is known of a session without a title or a branch that was forgotten."""
        session = info.session_key
        if info.branch and self._t.has(
            _branch_key(session, info.branch), db=self._db["action_keys"]
        ):
            info = structs.replace(info, branch="")
        if self.is_forgotten_title(session, info.title):
            info = structs.replace(info, title="", title_rank=0)
        return info

    def was_forgotten(self, session: bytes) -> bool:
        """Was all of a session forgotten once? It may have gone on since."""
        return self._t.has(_session_key(session), db=self._db["action_keys"])

    def emptied_at(self, session: bytes) -> int | None:
        """Return the revision of another machine at which all of its session was forgotten there.

        None: it has not said that.
        """
        data = self._t.intact(_session_key(session), db=self._db["action_keys"]) or b""
        return decode_u64(data[8:]) if len(data) > len(_NONE) else None

    def is_forgotten_title(self, session: bytes, title: str) -> bool:
        """Was this title of a session forgotten, on this machine or another?"""
        keys = _title_key(session, title), _hashed_title_key(session, digest(title))
        return any(self._t.has(key, db=self._db["action_keys"]) for key in keys)

    def of_file(self, name: str) -> Iterator[tuple[bytes, Action]]:
        """Yield what was done to files whose path ends in this name, the latest first.

        Each comes with its session.
        """
        return self._found("by_file", _name_key(name))

    def of_commit(self, prefix: str) -> Iterator[tuple[bytes, Action]]:
        """Yield the commits whose hash begins so, each with its session."""
        return self._found("by_commit", prefix.lower().encode(), exact=False)

    def _found(
        self, database: str, prefix: bytes, *, exact: bool = True
    ) -> Iterator[tuple[bytes, Action]]:
        start = prefix + b"\0" if exact else prefix
        for key, _ in self._t.prefixed(self._db[database], start, back=True):
            time, session, n = key[-_PLACE:-24], key[-24:-8], key[-8:]
            data = self._t.intact(session + time + n, db=self._db["actions"])
            if data is not None:
                yield session, unpack(data, Action)

    def _between(
        self, session: bytes, since: int, until: int | None
    ) -> Iterator[tuple[bytes, Action]]:
        """Yield all actions between two times, each with its key."""
        end = encode_time(until) if until is not None else BEYOND
        for key, data in self._t.entries(self._db["actions"], session + encode_time(since)):
            if not key.startswith(session) or key[len(session) :] >= end:
                return
            yield key, unpack(data, Action)


class ActionChange(ActionView):
    """What was done, in a transaction of the writer."""

    def add_action(self, session: bytes, action: Action, machine: str = "") -> bytes:
        """Keep an action; return its key: b"" if it was kept before, even if forgotten since."""
        if self.has_action(action.key):
            return b""
        return self._put_new(session, action, machine)

    def take_action(self, session: bytes, action: Action, machine: str) -> bytes:
        """Keep an action of another machine, in its newest state; return its key if that is new.

        Where two machines have read the same call, it belongs to that with the lowest id; but if
        this machine is one of them, it is its own.
        """
        data = self._t.intact(digest(action.key), db=self._db["action_keys"])
        if data is None:
            return self.add_action(session, action, machine)
        n, place, holder = data[:8], data[8:-_MACHINE], data[-_MACHINE:].decode("ascii", "replace")
        known = self.action(place + n) if place else None
        if known is None or holder < machine:  # our own, or forgotten, or another's
            return b""
        if holder == machine:
            newest = max(known, action, key=_newness)
            newest = structs.replace(newest, at=known.at, undone=known.undone or action.undone)
            if newest == known:
                return b""
            self.put_action(place + n, known, newest)
            return place + n
        self._t.delete(place + n, db=self._db["actions"])
        self._delete_index(place[:DIGEST], known, n)
        return self._put_new(session, action, machine)

    def _put_new(self, session: bytes, action: Action, machine: str) -> bytes:
        n = encode_u64(self._latest_action() + 1)
        self._t.put(_LATEST, n, db=self._db["meta"])
        return self._put_at(session, action, n, machine)

    def _put_at(self, session: bytes, action: Action, n: bytes, machine: str) -> bytes:
        """Put an action in at its time; return its key."""
        key = session + encode_time(action.at) + n
        value = n + key[:-8] + machine.encode() if machine else n
        self._t.put(digest(action.key), value, db=self._db["action_keys"])
        self._t.put(key, pack(action), db=self._db["actions"])
        for database, index_key in () if action.undone else index_keys(session, action, n):
            self._t.put(index_key, _EMPTY, db=self._db[database])
        return key

    def _latest_action(self) -> int:
        """Return the number of the latest action; looked for if the note is damaged or gone."""
        latest = self._t.intact(_LATEST, db=self._db["meta"])
        if latest is not None:
            return decode_u64(latest)
        every = (decode_u64(n[:8]) for _, n in self._t.entries(self._db["action_keys"]))
        return max(every, default=0)

    def forget_actions(
        self,
        session: bytes,
        since: int,
        until: int | None,
        which: Callable[[Action], bool],
    ) -> list[Action]:
        """Remove what was done in a session from a time on, up to another, and return it."""
        gone = [pair for pair in self._between(session, since, until) if which(pair[1])]
        for key, action in gone:
            self._t.delete(key, db=self._db["actions"])
            self._delete_index(session, action, key)
        return [action for _, action in gone]

    def undo_actions(
        self, session: bytes, since: int, until: int | None, restored: frozenset[str]
    ) -> list[bytes]:
        """Mark what was done between two times as undone by a rewind; return the keys of what is.

        It is no longer found by file or commit. What outlasts a rewind stays as it is: see
        `outlasts_rewind`.
        """
        done = [pair for pair in self._between(session, since, until) if not pair[1].undone]
        gone = [(key, action) for key, action in done if not outlasts_rewind(action, restored)]
        for key, action in gone:
            self._t.put(key, pack(structs.replace(action, undone=True)), db=self._db["actions"])
            self._delete_index(session, action, key)
        return [key for key, _ in gone]

    def undo_action(self, session: bytes, key: str, since: int) -> bytes:
        """Mark one action of this machine's as undone; return its own key, b"" if it is not there.

        It was done at a time or later; `key` is its idempotency key.
        """
        n = self._t.intact(digest(key), db=self._db["action_keys"])
        for place, action in self._between(session, since, None):
            if n == place[-8:] and not action.undone:
                self.put_action(place, action, structs.replace(action, undone=True))
                return place
        return b""

    def _delete_index(self, session: bytes, action: Action, key: bytes) -> None:
        for database, index_key in index_keys(session, action, key[-8:]):
            self._t.delete(index_key, db=self._db[database])

    def put_action(self, key: bytes, old: Action, new: Action) -> None:
        """Put an action in the place of another, whose time is the same."""
        session, n = key[:-16], key[-8:]
        self._delete_index(session, old, key)
        self._t.put(key, pack(new), db=self._db["actions"])
        if not new.undone:
            for database, index_key in index_keys(session, new, n):
                self._t.put(index_key, _EMPTY, db=self._db[database])

    def set_back(self, session: bytes, by: int) -> None:
        """Set the times of what another machine did in a session back by so many nanoseconds."""
        for key, action in list(self._between(session, EVER, None)):
            n = key[-8:]
            holder = self._t.intact(digest(action.key), db=self._db["action_keys"]) or b""
            self._t.delete(key, db=self._db["actions"])
            self._delete_index(session, action, key)
            earlier = structs.replace(action, at=action.at - by)
            self._put_at(session, earlier, n, holder[-_MACHINE:].decode("ascii", "replace"))

    def put_session(self, key: bytes, info: SessionInfo) -> None:
        """Replace what is known of a session."""
        self._t.put(key, pack(info), db=self._db["session_info"])

    def note_session(self, info: SessionInfo) -> bool:
        """Note what is known of a session by now; return whether anything of it is new."""
        session = info.session_key
        info = self.not_forgotten(info)
        known = self.session_info(session)
        updated = known.updated(info) if known else info
        if updated == known:
            return False
        self._t.put(session, pack(updated), db=self._db["session_info"])
        return True

    def forget_info(self, session: bytes) -> None:
        """Remove what is known of a session but its title, which is forgotten before."""
        self._t.delete(session, db=self._db["session_info"])
        if not self.was_forgotten(session):
            self._t.put(_session_key(session), _NONE, db=self._db["action_keys"])

    def note_emptied(self, session: bytes, revision: int) -> None:
        """Note a revision of another machine at which all of its session was forgotten there."""
        if revision > (self.emptied_at(session) or -1):
            value = _NONE + encode_u64(revision)
            self._t.put(_session_key(session), value, db=self._db["action_keys"])

    def forget_title(self, session: bytes) -> str:
        """Remove the title of a session for good; return it, "" if it had none."""
        known = self.session_info(session)
        if known is None or not known.title:
            return ""
        untitled = structs.replace(known, title="", title_rank=0)
        self._t.put(session, pack(untitled), db=self._db["session_info"])
        self._t.put(_title_key(session, known.title), _NONE, db=self._db["action_keys"])
        return known.title

    def bury_branch(self, session: bytes, branch: str) -> None:
        """Have a session never be on a branch of this name again."""
        self._t.put(_branch_key(session, branch), _NONE, db=self._db["action_keys"])

    def bury_actions(self, keys: Iterable[bytes]) -> list[bytes]:
        """Have actions never be stored, by the hashes of their keys.

        Returns the sessions of other machines that have them.
        """
        sessions: dict[bytes, None] = {}
        for key in keys:
            data = self._t.intact(key, db=self._db["action_keys"])
            if data is None:
                self._t.put(key, _NONE, db=self._db["action_keys"])
            elif len(data) > len(_NONE):
                sessions[data[8 : 8 + DIGEST]] = None
        return list(sessions)

    def bury_title(self, session: bytes, title: bytes) -> None:
        """Have a session never get a title, by its hash."""
        self._t.put(_hashed_title_key(session, title), _NONE, db=self._db["action_keys"])


def _newness(action: Action) -> tuple[int, bytes]:
    """Return what orders the states of one action: redacting leads to a later one."""
    return len(action.redactions), msgspec.msgpack.encode(action)


def _hashed_title_key(session: bytes, title: bytes) -> bytes:
    return digest(f"title\0{session.hex()}\0\0{title.hex()}")


def _title_key(session: bytes, title: str) -> bytes:
    return digest(f"title\0{session.hex()}\0{title}")


def _branch_key(session: bytes, branch: str) -> bytes:
    return digest(f"branch\0{session.hex()}\0{branch}")


def _session_key(session: bytes) -> bytes:
    return digest(f"session\0{session.hex()}")


def index_keys(session: bytes, action: Action, n: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the keys under which an action is found, each with its database."""
    place = encode_time(action.at) + session + n
    for name in {_name_key(path) for path in (action.path, action.to) if path}:
        yield "by_file", name + b"\0" + place  # one, of a file that was moved elsewhere
    if action.commit:
        yield "by_commit", action.commit.lower().encode("ascii", "replace")[:64] + b"\0" + place


def _name_key(path: str) -> bytes:
    """Return the last part of a path, by which it is found whatever directory it was under."""
    name = path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1].casefold()
    return name.encode("utf-8", "surrogateescape").replace(b"\0", b"")[:_LONGEST_NAME]
