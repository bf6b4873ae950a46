"""Checks of what keeps the records safe, and of what must not be kept: backups, forgotten words."""

import time
from collections.abc import Iterator
from contextlib import closing, suppress

from iai.admin import backup, scrub_check
from iai.admin.doctor import own_keys
from iai.admin.doctor.finding import Finding, fail, ok, warn
from iai.admin.encryption import check_unlocked
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.errors import StoreCorrupt, StoreError, StoreLocked
from iai.model.units import ago, count
from iai.process import lock
from iai.store import auto_backups, lmdb_file
from iai.store.auto_backups import DAY_NS, AutoBackup
from iai.store.records import SCHEMA, Records, view_of

OLD_NS = 7 * DAY_NS
_NONE_GOOD = (
    "no automatic backup is intact: `iai down`, then `iai restore FILE --replace` with one of"
    " yours; if there is none, move `records/` away, then `iai up --detach` and `iai import --all`"
    " bring back what is still in the hosts' transcripts"
)


def checks(layout: Layout, settings: Settings) -> Iterator[Finding]:
    """Check the automatic backups, and that what was forgotten is gone from all files."""
    with suppress(StoreError):  # another check says so
        yield _backups(layout, settings.backups)
        yield _forgotten(layout)


def problem(layout: Layout, said: str) -> Finding:
    """Return the finding for a store that cannot be read, and what can be done about it."""
    if backup.cut_short(layout):
        todo = f"run it again; what was there before is in {layout.backups}"
        return fail("records", "a restore was cut short", todo)
    try:
        check_unlocked(layout)
    except StoreLocked as error:
        todo, fixable = own_keys.remedy(layout)
        return fail("records", str(error), todo, fixable=fixable)
    if damage(layout) is None:
        todo = "`iai doctor --deep` names what is damaged; `iai up --detach` rebuilds derived data"
        return fail("records", said, todo)
    todo, fixable = remedy(layout, "`iai doctor --fix`")
    return fail("records", said, todo, fixable=fixable)


def remedy(layout: Layout, command: str) -> tuple[str, bool]:
    """Return what to do about records with `damage`, and whether `command` can do it now."""
    good = newest_good(layout)
    if good is None:
        return _NONE_GOOD, False
    if lock.held(layout.lease):
        return f"`iai down`, then {command} restores {good.path.name}", False
    made = ago(good.made_ns, time.time_ns())
    return f"{command} restores {good.path.name}, made {made}", True


def gone(layout: Layout) -> AutoBackup | None:
    """Return the newest good backup of records that are not there; None if they are, or it is not.

    To begin anew beside it would be to lose what is in it: backups are replaced.
    """
    data = layout.records / "data.mdb"
    return None if data.exists() and data.stat().st_size else newest_good(layout)


def damage(layout: Layout) -> str | None:
    """Return why the records are damaged as a whole: their pages are, or the watermark.

    None if they are not, whatever entries are damaged: all others can be read. Verifies the pages
    without LMDB, which may crash on damaged ones; not those of a file too large for that.
    """
    if gone(layout):
        return f"{layout.records} has no records any more"
    try:
        lmdb_file.check(layout.records)
        with view_of(layout.records) as view:
            view.watermark()
    except StoreCorrupt as error:
        return str(error)
    except StoreError:
        return None
    return None


def newest_good(layout: Layout) -> AutoBackup | None:
    """Return the newest automatic backup that is intact."""
    return next((one for one in reversed(auto_backups.found(layout)) if not problem_of(one)), None)


def problem_of(one: AutoBackup) -> str:
    """Return what is wrong with its pages, or with its entries, if they have checksums; or ""."""
    try:
        lmdb_file.check(one.path / "records")
        if one.schema < SCHEMA:
            return ""
        with closing(Records(one.path / "records")) as records:
            with records.view() as view:
                if view.watermark() != one.watermark:
                    return "its records don't match its manifest"
            return next(records.problems(), "")
    except StoreError as error:
        return str(error)
    except OSError as error:
        return f"{error.filename}: {error.strerror}"


def restore(layout: Layout) -> str:
    """Put the newest good backup in the place of damaged records; return what to do then.

    The damaged ones are kept. Raises StoreError.
    """
    good = newest_good(layout)
    if good is None:
        raise StoreError("no automatic backup is intact")
    done = backup.restore(layout, good.path, time.time_ns(), replace=True)
    records = count(done.manifest.watermark.records_count, "record")
    kept = f"; the damaged records are in {done.kept}" if done.kept else ""
    return (
        f"restored {records} from {done.manifest.made_at}{kept}.\n"
        "Now `iai up --detach`, then `iai import --all`: what hosts have written since comes back\n"
        "from their transcripts. Repeat what you noted, pinned, edited or forgot since then."
    )


def _backups(layout: Layout, kept: int) -> Finding:
    found, wall = auto_backups.found(layout), time.time_ns()
    if lost := [path.name for path, one in auto_backups.every(layout).items() if one is None]:
        said = f"{', '.join(lost)} cannot be read: its manifest is gone or damaged"
        return warn("backups", said, "iai makes another when it is idle; then delete it")
    if not kept:
        return ok("backups", "automatic backups are off (IAI_MCP_BACKUPS=0)")
    if not found:
        return ok("backups", "none yet; the first is made when iai is idle")
    newest = found[-1]
    said = f"{len(found)}, the newest {ago(newest.made_ns, wall)}, read back and verified then"
    if wall - newest.made_ns > OLD_NS and _age_of_change(layout, wall) < OLD_NS:
        return warn("backups", said, "see logs/group.log for why no newer one was made")
    return ok("backups", said)


def _age_of_change(layout: Layout, wall: int) -> int:
    with view_of(layout.records) as view:
        return wall - view.watermark().max_updated_at


def _forgotten(layout: Layout) -> Finding:
    left = scrub_check.left(layout)
    if not left:
        return ok("forgotten", "gone from every file")
    said = f"what was forgotten may still be in free parts of: {', '.join(left)}"
    return warn("forgotten", said, "it is removed once iai is up and has caught up")
