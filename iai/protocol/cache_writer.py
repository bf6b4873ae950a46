"""What the cache-writer is asked, answers and publishes."""

from enum import StrEnum
from typing import Literal, TypeAlias

from iai.protocol.message import Event, Reply, Request

Trigger: TypeAlias = Literal["wake_sequence", "periodic_wake", "sleep_pipeline", "manual"]


class Reason(StrEnum):
    """Why a refresh begins or is held back: one closed vocabulary (SEED R17)."""

    CACHE_ABSENT = "cache_absent"
    META_ABSENT = "meta_absent"
    WATERMARK_CHANGED = "watermark_changed"
    FORCED = "forced"
    REFRESH_IN_PROGRESS = "refresh_in_progress"
    RUNTIME_GRAPH_CACHE_COLD = "runtime_graph_cache_cold"
    EMPTY_RENDER = "empty_render"
    MIN_INTERVAL_NOT_ELAPSED = "min_interval_not_elapsed"
    NO_NEW_RECORDS = "no_new_records"
    PROBE_FAILED = "probe_failed"


class Refresh(Request, frozen=True):
    force: bool = False
    dry_run: bool = False  # evaluate the gates, write nothing


class RefreshOutcome(Reply, frozen=True):
    outcome: Literal["written", "skipped", "failed", "would_write"]
    reason: str
    wanted: str = ""  # why it would have been written, where something held it back
    revision: int = 0  # of the payload now on disk
    detail: str = ""


class RebuildWanted(Event, frozen=True):
    """A forced refresh asks the graph-cache to start over; nobody waits for it."""


class CacheWriteStarted(Event, frozen=True, tag="session_start_cache_write_started"):
    trigger: Trigger
    cache_path: str
    force_rebuild: bool
    reason: Reason


class CacheWriteSuccess(Event, frozen=True, tag="session_start_cache_write_success"):
    trigger: Trigger
    cache_path: str
    rendered_chars: int
    records_count: int
    max_vec_label: int
    max_record_created_at: int
    max_updated_at: int
    duration_ms: float
    revision: int
    payloads: int  # files written: the global one and one for each project


class CacheWriteSkipped(Event, frozen=True, tag="session_start_cache_write_skipped"):
    """Repeats of the same skip are one event: `count` of them in `span_s` seconds."""

    trigger: Trigger
    cache_path: str
    reason: Reason
    wanted: Reason | None
    count: int = 1
    span_s: float = 0.0


class CacheWriteFailed(Event, frozen=True, tag="session_start_cache_write_failed"):
    trigger: Trigger
    cache_path: str
    reason: str  # the exception's type
    error: str  # its first 200 characters
    duration_ms: float
