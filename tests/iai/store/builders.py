"""Builders of records, with only the fields that a test cares about."""

from pathlib import Path
from typing import Any

import lmdb

from iai.encryption import keys
from iai.encryption.cipher import Cipher
from iai.encryption.key_sources import KeyFile
from iai.model.change import Change, MemberChange
from iai.model.clock import Now
from iai.model.ids import record_id
from iai.model.member import Member
from iai.model.record import NewRecord, Record
from iai.store.codec import encode_u64
from iai.store.environment import Environment
from iai.store.record_change import RecordChange
from iai.store.records import Records
from iai.store.replica_change import ReplicaChange

NOW = Now(1_700_000_000_000_000_000, 5_000_000_000)
PROJECT = "0123456789abcdef"
THIS = "99" * 8  # the id of this machine, as others name it


def new_record(key: str, **fields: Any) -> NewRecord:
    """Return a user's turn in session `s` of one project."""
    defaults: dict[str, Any] = {
        "key": key,
        "tier": "episodic",
        "role": "user",
        "text": f"text of {key}",
        "host": "claude",
        "session": "s",
        "project": PROJECT,
        "cwd": "/p",
        "created_at": NOW.wall,
    }
    given = {**defaults, **fields}
    return NewRecord(**{"id": record_id(key, given["created_at"]), **given})


def kept(label: int, text: str, **fields: Any) -> Record:
    """Return a record as the store would."""
    new = new_record(f"k{label}", text=text, **fields)
    return new.kept(label, NOW.wall, new.created_at)


def flip(environment: Environment, database: str, key: bytes, bit: int = 0) -> None:
    """Flip a bit of a stored value, as a failing disk does."""
    handle = environment.db[database].handle
    with environment._connection.env.begin(write=True) as raw:
        data = bytearray(raw.get(key, db=handle) or b"")
        data[bit // 8] ^= 1 << bit % 8
        raw.put(key, bytes(data), db=handle)


def move(environment: Environment, database: str, key: bytes, to: bytes) -> None:
    """Put a stored value under another key, unchanged."""
    handle = environment.db[database].handle
    with environment._connection.env.begin(write=True) as raw:
        data = raw.get(key, db=handle)
        raw.delete(key, db=handle)
        raw.put(to, data or b"", db=handle)


def strip(path: Path, schema: int = 2) -> None:
    """Give records the form that they had in an earlier schema: without checksums."""
    with lmdb.open(str(path), max_dbs=64) as env:
        with env.begin() as transaction:
            names = [key for key, _ in transaction.cursor()]
        databases = [env.open_db(name, create=False) for name in names]
        with env.begin(write=True) as transaction:
            for database in databases:
                for key, data in list(transaction.cursor(database)):
                    transaction.put(key, data[:-4], db=database)
            meta = databases[names.index(b"meta")]
            transaction.put(b"schema", encode_u64(schema), db=meta)


def encrypt(root: Path) -> Cipher:
    """Give a store that is still empty keys, so that all in it will be encrypted."""
    keys.settle(root, keys.create(root, KeyFile(f"{root}.key")))
    cipher = keys.load_cipher(root)
    assert cipher is not None
    return cipher


def know(records: Records, *members: Member) -> None:
    """Have the replicator say who works on which machine; "" is this one."""
    for member in members:
        named = MemberChange(
            project=PROJECT, revision=member.revision + 1,
            author=member.author, name=member.name, person=member.person,
        )  # fmt: skip
        hear(records, member.machine or THIS, named)


def hear(records: Records, machine: str, *changes: Change, now: Now = NOW) -> None:
    """Apply what another machine of the team said."""

    def change(unit: ReplicaChange) -> None:
        for one in changes:
            unit.take(machine, one)

    records.apply(change, now, THIS)


def put(records: Records, *new: NewRecord, now: Now = NOW) -> list[int]:
    """Insert records in one commit; return their labels."""

    def change(unit: RecordChange) -> list[int]:
        return [unit.records.insert(one)[0] for one in new]

    return records.commit(change, now)[0]
