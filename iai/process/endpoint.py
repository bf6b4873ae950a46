"""The sockets of an actor: its inbox and its feed, and the feeds of others that it listens to."""

import logging
import os

import zmq

from iai.config.layout import Layout
from iai.errors import BadMessageReceived, BadMessageSent
from iai.protocol.behaviour import NO_CALLER, Caller
from iai.protocol.message import (
    Actor,
    Error,
    ErrorCode,
    Event,
    Ping,
    Pong,
    Reply,
    Request,
)
from iai.protocol.wire import (
    FEED_KINDS,
    INBOX_KINDS,
    MAX_FRAME,
    decode,
    encode,
    kind,
)

log = logging.getLogger(__name__)

FRAMES = 1_000  # frames that ZeroMQ keeps for each peer before it drops (feeds) or waits (inboxes)
MAX_WAITING = 256  # requests that may wait; further ones are answered `busy`


class Endpoint:
    """The inbox (ROUTER) and the feed (PUB) of one actor, bound as long as it lives."""

    def __init__(
        self, layout: Layout, actor: Actor, context: "zmq.Context[zmq.SyncSocket]"
    ) -> None:
        self._actor = actor
        self.dropped = 0
        self.inbox = context.socket(zmq.ROUTER)
        self.inbox.set(zmq.RCVHWM, FRAMES)
        self.inbox.set(zmq.SNDHWM, FRAMES)
        self.inbox.set(zmq.ROUTER_MANDATORY, 1)
        self.inbox.set(zmq.LINGER, 500)
        # Above our own limit, which has an error reply: this one only guards the memory.
        self.inbox.set(zmq.MAXMSGSIZE, 4 * MAX_FRAME)
        self.inbox.bind(layout.inbox(actor))
        self.feed = context.socket(zmq.PUB)
        self.feed.set(zmq.SNDHWM, FRAMES)
        self.feed.set(zmq.LINGER, 500)
        self.feed.bind(layout.feed(actor))

    def drain(self, room: int) -> list[tuple[Caller, Request]]:
        """Take up to `room` requests. Pings, invalid frames and the excess are answered here."""
        taken: list[tuple[Caller, Request]] = []
        for _ in range(FRAMES):
            try:
                identity, *frames = self.inbox.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            frame = frames[-1] if frames else b""
            try:
                request_id, message = decode(frame, INBOX_KINDS[self._actor])
            except BadMessageReceived as error:
                log.warning("refused a frame: %s", error)
                caller = Caller(identity, error.request_id)
                self.answer(caller, Error(code=ErrorCode(error.code), detail=error.reason))
                continue
            caller = Caller(identity, request_id)
            if isinstance(message, Ping):
                pong = Pong(actor=self._actor, pid=os.getpid(), dropped_frames=self.dropped)
                self.answer(caller, pong)
            elif len(taken) >= room:
                detail = f"{room} requests are waiting already; try again"
                self.answer(caller, Error(code=ErrorCode.BUSY, detail=detail))
            elif isinstance(message, Request):
                taken.append((caller, message))
        return taken

    def answer(self, caller: Caller, reply: Reply) -> None:
        """Send a reply; drop it if the client has left or does not read."""
        if caller == NO_CALLER:
            return
        try:
            frame = encode(reply, caller.request_id)
        except BadMessageSent as error:
            frame = encode(Error(code=ErrorCode.TOO_LARGE, detail=str(error)), caller.request_id)
        try:
            self.inbox.send_multipart([caller.identity, frame], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            log.info("nobody took the answer to %s: %s", caller.request_id, error)

    def publish(self, event: Event) -> None:
        """Send an event to all subscribers. A slow one loses it: events are hints."""
        self.feed.send_multipart([kind(event).encode(), encode(event)], zmq.NOBLOCK)

    def close(self) -> None:
        self.inbox.close()
        self.feed.close()


class Subscriptions:
    """The feeds that one actor subscribes to."""

    def __init__(
        self, layout: Layout, actors: tuple[Actor, ...], context: "zmq.Context[zmq.SyncSocket]"
    ) -> None:
        self.sockets = {actor: context.socket(zmq.SUB) for actor in actors}
        self.dropped = 0
        for actor, sub in self.sockets.items():
            sub.set(zmq.RCVHWM, FRAMES)
            sub.set(zmq.SUBSCRIBE, b"")
            sub.set(zmq.LINGER, 0)
            sub.connect(layout.feed(actor))

    def drain(self) -> list[Event]:
        """Take every event that has arrived; invalid frames are counted in `dropped`."""
        events: list[Event] = []
        for actor, sub in self.sockets.items():
            for _ in range(FRAMES):
                try:
                    frames = sub.recv_multipart(zmq.NOBLOCK)
                except zmq.Again:
                    break
                try:
                    message = decode(frames[-1], FEED_KINDS[actor]).message
                except BadMessageReceived as error:
                    self.dropped += 1
                    log.warning("dropped a frame of %s's feed: %s", actor, error)
                    continue
                if isinstance(message, Event):
                    events.append(message)
        return events

    def close(self) -> None:
        for sub in self.sockets.values():
            sub.close()
