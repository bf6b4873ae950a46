"""The client of a group, for everything outside it: one request, one reply, one deadline."""

import itertools
import time
from typing import Self, TypeVar

import zmq
from msgspec import structs

from iai.config.layout import Layout
from iai.errors import BadMessageReceived, GroupNotRunning, NoAnswer, Refused
from iai.process import lock
from iai.protocol.embedding import EmbedQuery, QueryVectors
from iai.protocol.graph_cache import Recall, Recalled
from iai.protocol.message import Actor, Error, Message, Reply, Request
from iai.protocol.wire import REPLY_KINDS, decode, encode

R = TypeVar("R", bound=Reply)

DEADLINE_S = 5.0
EMBED_S = 0.5  # deadline for a query's vector; without it, recall goes by words alone


class Client:
    """A client of the group on one store. Use it as a context manager."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._context: zmq.Context[zmq.SyncSocket] = zmq.Context()
        self._sockets: dict[Actor, zmq.SyncSocket] = {}
        self._ids = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for dealer in self._sockets.values():
            dealer.close()
        self._context.term()

    def running(self) -> bool:
        """Does a group run on this store?"""
        return lock.held(self._layout.lease)

    def require(self) -> None:
        """Raise GroupNotRunning unless a group runs on this store.

        Raises StoreError if it may be another user's.
        """
        if not self.running():
            raise GroupNotRunning(
                f"iai is not running on {self._layout.root}; start it with `iai up --detach`"
            )
        self._layout.check_sockets()

    def call(
        self, actor: Actor, request: Request, expected: type[R], deadline_s: float = DEADLINE_S
    ) -> R:
        """Ask an actor and return its reply.

        Raises GroupNotRunning, NoAnswer (past the deadline), or Refused (an error reply).
        """
        reply = self.call_raw(actor, request, deadline_s)
        if isinstance(reply, Error):
            raise Refused(reply.code, actor, reply.detail)
        if not isinstance(reply, expected):
            raise Refused("bad-message", actor, f"it answered with {type(reply).__name__}")
        return reply

    def call_raw(self, actor: Actor, request: Request, deadline_s: float = DEADLINE_S) -> Message:
        """Ask an actor and return its reply, even an `Error`.

        Raises GroupNotRunning or NoAnswer.
        """
        self.require()
        dealer = self._dealer(actor)
        request_id = str(next(self._ids))
        dealer.send(encode(request, request_id))
        deadline = time.monotonic() + deadline_s
        while (left := deadline - time.monotonic()) > 0 and dealer.poll(int(left * 1_000) + 1):
            try:
                reply = decode(dealer.recv(), REPLY_KINDS)
            except BadMessageReceived as error:
                raise NoAnswer(f"{actor} sent an unreadable answer: {error}") from error
            if reply.id == request_id:  # not the late answer to an earlier call
                return reply.message
        raise NoAnswer(f"{actor} did not answer within {deadline_s:g} s; see `iai status`")

    def _dealer(self, actor: Actor) -> "zmq.SyncSocket":
        if actor not in self._sockets:
            dealer = self._context.socket(zmq.DEALER)
            dealer.set(zmq.LINGER, 0)
            dealer.connect(self._layout.inbox(actor))
            self._sockets[actor] = dealer
        return self._sockets[actor]


def recall(client: Client, question: Recall, deadline_s: float = DEADLINE_S) -> Recalled:
    """Recall; without the query's vector if embedding does not answer in `EMBED_S`.

    Raises what `Client.call` raises for graph-cache.
    """
    try:
        answer = client.call(
            Actor.EMBEDDING, EmbedQuery(text=question.query), QueryVectors, EMBED_S
        )
        question = structs.replace(question, vectors=answer.vectors)
    except (NoAnswer, Refused):
        pass
    return client.call(Actor.GRAPH_CACHE, question, Recalled, deadline_s)
