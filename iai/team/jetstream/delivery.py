"""What arrives of a stream: a pull consumer of JetStream, which lives as long as its connection."""

import asyncio
import json
import secrets
from collections.abc import Callable

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from iai.team.jetstream.client import StreamLost

IDLE_S = 5.0  # between the heartbeats of a delivery; none for twice as long ends the connection
PULL_S = 60.0  # how long a request for messages stays with the server
PULL, PULL_BYTES = 256, 4 << 20  # messages, and bytes, of one such request
CONSUMER_S = 30.0  # until the server forgets a delivery that nobody requests messages of


class Delivery:
    """The messages of a stream in order, as many at a time as were requested."""

    def __init__(
        self,
        client: Client,
        stream: str,
        deliver: Callable[[Msg, int, int], None],
        room: Callable[[], bool],
        fail: Callable[[Exception], None],
    ) -> None:
        """`room`: may more messages be requested? `fail`: ends the connection."""
        self._client = client
        self._stream = stream
        self._deliver = deliver
        self._room = room
        self._fail = fail
        self._inbox = client.new_inbox()
        self._name = secrets.token_hex(8)
        self._left = 0  # messages that were requested and have not come
        self._next = 1  # the number that the delivery gives to its next message
        self._heard = 0.0

    async def begin(self, js: JetStreamContext, config: ConsumerConfig) -> int:
        """Create it on the server; return how many messages there are to come."""
        await self._client.subscribe(self._inbox, cb=self._on_message)
        self._heard = asyncio.get_running_loop().time()
        info = await js.add_consumer(self._stream, config.evolve(name=self._name))
        return info.num_pending or 0

    async def request(self) -> None:
        """Request the next messages, unless some are still to come, or there is no room."""
        if self._left or not self._room():
            return
        self._left = PULL
        wanted = {
            "batch": PULL,
            "max_bytes": PULL_BYTES,
            "expires": int(PULL_S * 1e9),
            "idle_heartbeat": int(IDLE_S * 1e9),
        }
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}"
        self._heard = asyncio.get_running_loop().time()
        await self._client.publish(subject, json.dumps(wanted).encode(), reply=self._inbox)

    def check(self, now: float) -> None:
        """Raise StreamLost if the server is silent."""
        if self._left and now - self._heard > 2 * IDLE_S:
            raise StreamLost(f"no heartbeat within {2 * IDLE_S:g} s")

    async def _on_message(self, message: Msg) -> None:
        try:
            await self._take(message)
        except Exception as error:  # noqa: BLE001  the client would only log it
            self._fail(error)

    async def _take(self, message: Msg) -> None:
        self._heard = asyncio.get_running_loop().time()
        status = (message.headers or {}).get("Status")
        if status is None:
            sequence = message.metadata.sequence
            if sequence.consumer != self._next:
                raise StreamLost(f"message {self._next} of a delivery was lost on the way")
            self._next += 1
            self._left -= 1
            self._deliver(message, sequence.stream, message.metadata.num_pending)
        elif status in ("404", "408") or (status == "409" and _only_full(message)):
            self._left = 0
        elif status != "100":
            why = (message.headers or {}).get("Description", "")
            raise StreamLost(f"the delivery has ended: {status} {why}")
        await self.request()


def _only_full(message: Msg) -> bool:
    """Has a request ended only because its messages are as large as was allowed?"""
    why = (message.headers or {}).get("Description", "").lower()
    return "maxbytes" in why or "batch completed" in why


def from_sequence(after: int) -> ConsumerConfig:
    """Return what has all messages after a sequence delivered."""
    return ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=after + 1,
        ack_policy=AckPolicy.NONE,
        max_deliver=1,
        inactive_threshold=CONSUMER_S + PULL_S,
        num_replicas=1,
        mem_storage=True,
    )


def last_of_each() -> ConsumerConfig:
    """Return what has the last message of each subject delivered, and all later ones."""
    return ConsumerConfig(
        deliver_policy=DeliverPolicy.LAST_PER_SUBJECT,
        filter_subject=">",
        ack_policy=AckPolicy.NONE,
        max_deliver=1,
        inactive_threshold=CONSUMER_S + PULL_S,
        num_replicas=1,
        mem_storage=True,
    )
