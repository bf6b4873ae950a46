"""The two streams of a team on a server: what they keep, and what an operator lets them keep."""

from contextlib import suppress

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import APIError, NotFoundError

from iai.model import units
from iai.team import subjects

DEDUPLICATION_S = 120.0  # how long the stream remembers keys
_IN_USE = 10058  # `err_code`: the stream exists, with another configuration


async def ensure(js: JetStreamContext, wanted: StreamConfig) -> StreamInfo:
    """Return what is known of a stream; create it, or give it more copies, if need be."""
    name = wanted.name or ""
    try:
        info = await js.stream_info(name)
    except NotFoundError:
        try:
            return await js.add_stream(wanted)
        except APIError as error:  # another machine was faster, and saw other servers
            if error.err_code != _IN_USE:
                raise
            info = await js.stream_info(name)
    if (info.config.num_replicas or 1) < (wanted.num_replicas or 1):
        with suppress(APIError):  # then at the next connection
            return await js.update_stream(wanted)
    return info


def kept(team: str, replicas: int) -> StreamConfig:
    """Return the configuration of the stream that keeps every message until it is deleted."""
    return StreamConfig(
        name=subjects.stream(team),
        subjects=list(subjects.kept(team)),
        retention=RetentionPolicy.LIMITS,
        discard=DiscardPolicy.NEW,  # what is full refuses messages, it never drops any
        storage=StorageType.FILE,
        num_replicas=replicas,
        duplicate_window=DEDUPLICATION_S,
    )


def last_kept(team: str, replicas: int) -> StreamConfig:
    """Return the configuration of the stream that keeps the last message of each subject."""
    return StreamConfig(
        name=subjects.last_stream(team),
        subjects=[subjects.last_kept(team)],
        max_msgs_per_subject=1,
        storage=StorageType.MEMORY,  # each machine repeats what it says there
        num_replicas=replicas,
    )


def limits(config: StreamConfig) -> str:
    """Say which messages a stream drops, by a limit that an operator has set; "": none."""
    dropped: list[str] = []
    if config.max_age:
        dropped.append(f"those older than {units.span(config.max_age)}")
    if config.discard != DiscardPolicy.NEW:
        if (config.max_msgs or 0) > 0:
            dropped.append(f"all but the last {config.max_msgs:,}")
        if (config.max_bytes or 0) > 0:
            dropped.append(f"all but the last {units.size(config.max_bytes or 0)}")
    if (config.max_msgs_per_subject or 0) > 0:
        dropped.append(f"all but the last {config.max_msgs_per_subject:,} of a machine and project")
    return ", ".join(dropped)
