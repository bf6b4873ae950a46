"""The requests, replies and events of the cache-writer."""

from enum import StrEnum
from typing import Literal, TypeAlias

from iai.protocol.message import Event, Reply, Request

# What led to a refresh: a change, a tick, the end of a SLEEP, or a `Refresh` request.
Trigger: TypeAlias = Literal["wake_sequence", "periodic_wake", "sleep_pipeline", "manual"]


class Reason(StrEnum):
    """Why a refresh is written or skipped: a closed vocabulary (SEED R17)."""

    CACHE_ABSENT = "cache_absent"  # written: there was no payload
    META_ABSENT = "meta_absent"  # written: there was no sidecar
    WATERMARK_CHANGED = "watermark_changed"  # written: the records or the graph have moved on
    FORCED = "forced"  # written: on request, or after a SLEEP
    REFRESH_IN_PROGRESS = "refresh_in_progress"  # skipped: the one under way covers it
    RUNTIME_GRAPH_CACHE_COLD = "runtime_graph_cache_cold"  # skipped: the graph is not warm yet
    EMPTY_RENDER = "empty_render"  # skipped: there is nothing to show
    MIN_INTERVAL_NOT_ELAPSED = "min_interval_not_elapsed"  # skipped: too soon
    NO_NEW_RECORDS = "no_new_records"  # skipped: the payload is current
    PROBE_FAILED = "probe_failed"  # skipped: the records cannot be read


class Refresh(Request, frozen=True):
    """Write the session-start payloads, if they are due."""

    force: bool = False  # even if nothing has changed; also rebuilds the graph
    dry_run: bool = False  # evaluate the gates, write nothing


class RefreshOutcome(Reply, frozen=True):
    """The decision about one `Refresh`, sent once its writes are done."""

    outcome: Literal["written", "skipped", "failed", "would_write"]  # the last: of a dry run
    reason: str  # a `Reason`; if it failed, the exception's type
    wanted: str = ""  # if skipped, the reason to write; "": there was none
    revision: int = 0  # of the payload now on disk; 0: none, or not known
    detail: str = ""  # if it failed, the exception's text


class RebuildWanted(Event, frozen=True):
    """A forced refresh has begun: the graph-cache should rebuild. Nobody waits for it."""


class CacheWriteStarted(Event, frozen=True, tag="session_start_cache_write_started"):
    """A refresh has begun to write."""

    trigger: Trigger  # what led to it
    cache_path: str  # the global payload, which is written last
    force_rebuild: bool  # whether it was forced
    reason: Reason  # why it is written


class CacheWriteSuccess(Event, frozen=True, tag="session_start_cache_write_success"):
    """A refresh has written all its payloads. Watermark fields as in `model.record.Watermark`."""

    trigger: Trigger  # what led to it
    cache_path: str  # the global payload
    rendered_chars: int  # characters of the global payload
    records_count: int  # records in the store; 0: it is empty
    max_vec_label: int  # highest label ever given
    max_record_created_at: int  # when the latest record was said, UTC nanoseconds
    max_updated_at: int  # when a record was last changed, UTC nanoseconds
    duration_ms: float  # since it started
    revision: int  # of the records that the payloads hold
    payloads: int  # files written: the global one and one for each project


class CacheWriteSkipped(Event, frozen=True, tag="session_start_cache_write_skipped"):
    """A refresh was skipped. Repeats of the same skip are gathered into one event."""

    trigger: Trigger  # what led to it
    cache_path: str  # the global payload
    reason: Reason  # why it was skipped
    wanted: Reason | None  # the reason to write; None: there was none
    count: int = 1  # skips in this event
    span_s: float = 0.0  # from the first of them to the last


class CacheWriteFailed(Event, frozen=True, tag="session_start_cache_write_failed"):
    """A refresh has failed; it is retried after a back-off."""

    trigger: Trigger  # what led to it
    cache_path: str  # the global payload
    reason: str  # the exception's type
    error: str  # its first 200 characters
    duration_ms: float  # since it started
