#!/usr/bin/env python3
"""Send one message to one process of a group, listen to its feed, or measure round trips.

    probe ingest ping
    probe cache-writer refresh '{"force": true}'
    probe lifecycle --listen --seconds 10
    probe graph-cache --bench 1000

This file is self-contained: it needs pyzmq and msgpack and nothing of iai, so that it can look at a
group from any environment. A test keeps it in step with `iai.protocol.wire`.
"""

import argparse
import hashlib
import json
import math
import os
import statistics
import sys
import time
from pathlib import Path

import msgpack
import zmq

PROTOCOL = 1
LONGEST_SOCKET_PATH = 100
ACTORS = (
    "supervisor",
    "ingest",
    "embedding",
    "graph-cache",
    "lifecycle",
    "cache-writer",
    "replicator",
)
LONGEST = 1_000_000  # seconds to listen or wait, or pings
NO_ANSWER = REFUSED = 1
BAD_USAGE = 2
MISFITS = ("bad-message", "unknown-kind")  # codes of answers to what nobody could have answered


def sockets(store: Path) -> Path:
    """Directory of a store's sockets: `run/`, or a short one where that path is too long."""
    run = store / "run"
    if max(len(os.fsencode(run / f"{actor}.sock")) for actor in ACTORS) <= LONGEST_SOCKET_PATH:
        return run
    digest = hashlib.blake2b(os.fsencode(store), digest_size=8).hexdigest()
    return Path("/tmp") / f"iai-{os.getuid()}-{digest}"  # noqa: S108


def ask(
    dealer: "zmq.Socket[bytes]", kind: str, fields: dict[str, object], timeout: float
) -> object:
    """Send one request and return its answer; None if there is none in time."""
    request_id = str(time.monotonic_ns())
    dealer.send(msgpack.packb({"v": PROTOCOL, "kind": kind, **fields, "id": request_id}))
    while dealer.poll(int(timeout * 1_000)):
        answer = msgpack.unpackb(dealer.recv())
        if answer.get("id") in (request_id, ""):
            return answer
    return None


def fields_in(text: str) -> dict[str, object]:
    """Return the fields of a message, given as a JSON object."""
    try:
        fields = json.loads(text)
        msgpack.packb(fields)
    except (ValueError, OverflowError, RecursionError) as error:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} cannot be sent: {error}") from None
    if not isinstance(fields, dict):
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is not a JSON object such as {{}}")
    return fields


def number(text: str) -> float:
    """Return a number of seconds, or of pings."""
    if not 0 < (given := float(text)) <= LONGEST:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most {LONGEST}")
    return given


def shown(value: object) -> str:
    """One line of JSON in ASCII, safe for any terminal; bytes become their number."""
    return json.dumps(value, default=lambda data: f"<{len(data)} bytes>")


def listen(context: "zmq.Context[zmq.Socket[bytes]]", address: str, seconds: float) -> int:
    """Print what a feed carries."""
    sub = context.socket(zmq.SUB)
    sub.setsockopt(zmq.SUBSCRIBE, b"")
    sub.connect(address)
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if sub.poll(int(min(left, 1.0) * 1_000)):
            print(shown(msgpack.unpackb(sub.recv_multipart()[-1])), flush=True)
    sub.close(0)
    return 0


def bench(dealer: "zmq.Socket[bytes]", count: int, timeout: float) -> int:
    """Measure `count` pings, one after the other; print milliseconds."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        if ask(dealer, "ping", {}, timeout) is None:
            print("no answer", file=sys.stderr)
            return NO_ANSWER
        times.append((time.perf_counter() - began) * 1_000)
    cuts = statistics.quantiles(times, n=100) if count > 1 else times * 99
    print(shown({"pings": count, "p50_ms": cuts[49], "p95_ms": cuts[94], "p99_ms": cuts[98]}))
    return 0


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("actor", choices=ACTORS)
    parser.add_argument("kind", nargs="?", default="ping", help="of the message (default: ping)")
    parser.add_argument(
        "fields", nargs="?", default="{}", type=fields_in, help="of the message, a JSON object"
    )
    parser.add_argument("--listen", action="store_true", help="print its feed instead")
    parser.add_argument("--seconds", type=number, default=LONGEST, help="how long to listen")
    parser.add_argument("--bench", type=number, metavar="N", help="measure N pings instead")
    parser.add_argument("--timeout", type=number, default=5.0, help="seconds to wait for an answer")


def run(args: argparse.Namespace, store: Path) -> int:
    """Do it, and return the exit code."""
    directory = sockets(store)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    if args.listen:
        return listen(context, f"ipc://{directory / args.actor}.pub", args.seconds)
    dealer = context.socket(zmq.DEALER)
    dealer.setsockopt(zmq.LINGER, 0)
    dealer.connect(f"ipc://{directory / args.actor}.sock")
    if args.bench:
        return bench(dealer, math.ceil(args.bench), args.timeout)
    answer = ask(dealer, args.kind, args.fields, args.timeout)
    if answer is None:
        print(f"{args.actor} did not answer; does a group run on {store}?", file=sys.stderr)
        return NO_ANSWER
    print(shown(answer))
    if not isinstance(answer, dict) or answer.get("kind") != "error":
        return 0
    if answer.get("code") not in MISFITS:
        return REFUSED
    print(f"{args.actor} cannot read that {args.kind}", file=sys.stderr)
    return BAD_USAGE


def main() -> int:
    """Be the stand-alone command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    configure(parser)
    default = os.environ.get("IAI_MCP_STORE") or str(Path.home() / ".iai-mcp")
    parser.add_argument("--store", default=default, help="the group's store (default: %(default)s)")
    args = parser.parse_args()
    return run(args, Path(args.store).expanduser().absolute())


if __name__ == "__main__":
    sys.exit(main())
