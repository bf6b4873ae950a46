"""What can be done to the files of a store, and to its sockets, from outside the group."""

import os
import random
import secrets
import shutil
import socket
from contextlib import suppress
from pathlib import Path

import zmq

from iai.config.layout import Layout
from iai.protocol.message import PIPELINE, Actor

_GARBAGE = 200  # frames at a time


class Damage:
    """Damages what is derived, which the group must rebuild, and never the records."""

    def __init__(self, layout: Layout, seed: int) -> None:
        self._layout = layout
        self._chance = random.Random(seed)  # noqa: S311
        self._done: set[int] = set()  # inodes

    def did(self, inode: int) -> bool:
        """Was this file damaged here? A rewritten one has another inode."""
        return inode in self._done

    def derived_file(self) -> str:
        """Cut a derived file off, or flip one of its bits; return what was done."""
        layout = self._layout
        roots = (layout.index, layout.vectors, layout.session_start)
        files = [f for root in roots for f in root.rglob("*") if _is_data(f)]
        files += [f for f in (layout.lifecycle, layout.payload) if f.is_file()]
        if not files:
            return "nothing to damage yet"
        return self.file(self._chance.choice(sorted(files)))

    def file(self, path: Path) -> str:
        """Cut one file off, or flip one of its bits."""
        with suppress(FileNotFoundError), path.open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            self._done.add(os.fstat(file.fileno()).st_ino)
            if not size:
                return f"{path.name} is empty"
            place = self._chance.randrange(size)
            if self._chance.random() < 0.3:  # noqa: PLR2004
                file.truncate(place)
                return f"{path.name} cut at {place} of {size}"
            file.seek(place)
            byte = file.read(1)[0] ^ 1 << self._chance.randrange(8)
            file.seek(place)
            file.write(bytes([byte]))
            return f"a bit of {path.name} flipped at {place} of {size}"
        return f"{path.name} is gone"

    def spool(self) -> str:
        """Put half an event into the spool, and one that is there already a second time."""
        new = self._layout.spool_new
        name = f"{self._chance.randrange(10**9)}.json"
        with suppress(OSError):
            (new / f"half-{name}").write_bytes(b'{"session_id":"x","transcript_path":"/tmp/')
            for event in list(new.glob("*.json"))[:1]:
                shutil.copy(event, new / f"again-{name}")
        return "a half event and a doubled one"

    def sockets(self) -> str:
        """Send garbage to every inbox: random frames, and bytes that are no ZeroMQ at all."""
        context: zmq.Context[zmq.SyncSocket] = zmq.Context()
        for actor in (Actor.SUPERVISOR, *PIPELINE):
            dealer = context.socket(zmq.DEALER)
            dealer.set(zmq.LINGER, 0)
            dealer.set(zmq.SNDTIMEO, 100)
            dealer.connect(self._layout.inbox(actor))
            with suppress(zmq.Again):
                for _ in range(_GARBAGE):
                    dealer.send(secrets.token_bytes(self._chance.randint(0, 2_000)))
            dealer.close()
            with suppress(OSError), socket.socket(socket.AF_UNIX) as raw:
                raw.settimeout(0.1)
                raw.connect(self._layout.inbox(actor).removeprefix("ipc://"))
                raw.send(secrets.token_bytes(500))
        context.term()
        return "garbage in every inbox"


def _is_data(path: Path) -> bool:
    """Is it a file that the group reads: not a lock, not a link?"""
    return path.is_file() and not path.is_symlink() and not path.name.endswith(("lock", "lock.mdb"))
