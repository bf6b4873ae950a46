"""The audit of a fault campaign finds each way in which a store can break its promises."""

from campaign.promises import Promises


def test_a_store_that_keeps_all_it_acknowledged_passes() -> None:
    promises = Promises(0)
    kept, unanswered, never_came = (promises.offer() for _ in range(3))
    promises.acknowledge(kept)
    audit = promises.audit([unanswered, kept])
    assert (audit.offered, audit.acknowledged) == (3, 1)
    assert (audit.lost, audit.doubled, audit.torn, audit.unknown) == ((), (), (), ())
    assert never_came not in promises.acknowledged()


def test_what_is_lost_doubled_torn_or_invented_is_found() -> None:
    promises = Promises(0)
    lost, doubled, torn = (promises.offer() for _ in range(3))
    promises.acknowledge(lost, doubled)
    audit = promises.audit([doubled, doubled, torn[:-5], "never offered"])
    assert audit.lost == (lost,)
    assert audit.doubled == (doubled,)
    assert audit.torn == (torn[:-5],)
    assert audit.unknown == ("never offered",)
