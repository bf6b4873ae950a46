"""What a refresh is decided from is what is on disk, readable or not."""

from pathlib import Path

from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.freshness.inputs import LEFT_OUT, Snapshot
from iai.model.clock import NS
from iai.model.member import Member
from iai.model.record import Project
from iai.process import files
from iai.projects.identity import identify
from iai.session_start.manifest import Manifest
from iai.session_start.snapshot import SnapshotReader
from iai.store.graph import GraphStore, Progress
from iai.store.payload_readers import PayloadReaders
from iai.store.records import Records
from iai.store.topics import Window
from tests.iai.store.builders import NOW, PROJECT, know, new_record, put


class OurReaders(PayloadReaders):
    """LMDB opens an environment once in each process, so the writer's own is read here."""

    def __init__(self, layout: Layout, records: Records) -> None:
        super().__init__(layout)
        self.records = records


def reader(layout: Layout, readers: PayloadReaders) -> SnapshotReader:
    return SnapshotReader(layout, readers, Settings(store=layout.root), Manifest())


def test_before_the_first_record_there_is_nothing_to_write_from(layout: Layout) -> None:
    snapshots = reader(layout, PayloadReaders(layout))
    assert snapshots.read(NOW.wall) == Snapshot(live=None)
    assert snapshots.watermark() is None


def test_it_names_the_records_and_the_payloads_to_keep(layout: Layout) -> None:
    records = Records(layout.records, writer=True)
    project = Project(id=PROJECT, name="mine", root="/p")
    records.commit(lambda unit: unit.projects.place(project, "/p"), NOW)
    put(records, new_record("a"), new_record("b"))
    snapshots = reader(layout, OurReaders(layout, records))
    found = snapshots.read(NOW.wall)
    with records.view() as view:
        mark = view.watermark()
    records.close()
    assert found.live is not None
    assert found.live.watermark == mark
    assert found.live.program.startswith("iai ")
    assert found.revision == mark.revision
    assert [target.path for target in found.targets] == [
        layout.project_payload(PROJECT), layout.payload,
    ]  # fmt: skip
    assert (found.graph, found.claimed, found.cache_present) == (LEFT_OUT, None, False)


def test_a_branch_checked_out_makes_the_payload_stale(layout: Layout, tmp_path: Path) -> None:
    head = tmp_path / "quay" / ".git" / "HEAD"
    head.parent.mkdir(parents=True)
    found = identify(str(tmp_path / "quay"))
    records = Records(layout.records, writer=True)
    project = Project(id=found.id, name=found.name, root=found.root)
    records.commit(lambda unit: unit.projects.place(project, found.root), NOW)
    put(records, new_record("a", project=found.id))
    snapshots = reader(layout, OurReaders(layout, records))
    versions = []
    for branch in ("main", "main", "fix/tide"):
        head.write_text(f"ref: refs/heads/{branch}\n")
        versions.append(snapshots.read(NOW.wall).live)
    records.close()
    assert versions[0] == versions[1] != versions[2]


def test_a_name_in_the_team_and_the_setting_of_whose_work_comes_first_do_too(
    layout: Layout,
) -> None:
    records = Records(layout.records, writer=True)
    put(records, new_record("a"))
    readers = OurReaders(layout, records)
    snapshots = reader(layout, readers)
    versions = [snapshots.read(NOW.wall).live]
    for machine in ("", "bb" * 8):
        know(records, Member(machine=machine, author="Kim"))
        versions.append(snapshots.read(NOW.wall).live)
    settings = Settings(store=layout.root, here="machine")
    versions.append(SnapshotReader(layout, readers, settings, Manifest()).read(NOW.wall).live)
    records.close()
    assert len({version and version.program for version in versions}) == len(versions)


def test_a_payload_is_present_if_all_are_intact_and_a_hook_would_print_it(layout: Layout) -> None:
    records = Records(layout.records, writer=True)
    put(records, new_record("a"))  # of no known project: only the global payload is to be kept
    snapshots = reader(layout, OurReaders(layout, records))
    assert not snapshots.read(NOW.wall).cache_present
    files.replace(layout.payload, b"some text")
    written = layout.payload.stat().st_mtime_ns
    assert snapshots.read(written).cache_present
    assert not snapshots.read(written - 10 * NS).cache_present, "dated in the future"
    records.close()


def test_a_graph_without_progress_is_left_out(layout: Layout) -> None:
    GraphStore(layout.index, writer=True).close()
    assert reader(layout, PayloadReaders(layout)).read(NOW.wall).graph == LEFT_OUT


def test_a_warm_graph_counts_its_rebuilds_and_the_topics_found(layout: Layout) -> None:
    store = GraphStore(layout.index, writer=True)
    progress = Progress(warm=True, rebuilt=2)
    store.commit(lambda unit: unit.advance(progress))
    store.commit(lambda unit: unit.put_window(PROJECT, 0, Window(fingerprint=1, revision=1)))
    store.close()
    readers = PayloadReaders(layout)
    assert reader(layout, readers).read(NOW.wall).graph == 3
    readers.close()
