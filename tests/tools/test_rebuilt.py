"""What differs from a rebuild is named, by part and key."""

from campaign.rebuilt import Parts, unlike

PARTS: Parts = {"vectors": {1: b"a", 2: b"b"}, "answers": {"why?": ("because",)}}


def test_equal_parts_differ_in_nothing() -> None:
    assert list(unlike(PARTS, PARTS)) == []


def test_what_is_missing_other_or_too_much_is_named() -> None:
    ours: Parts = {"vectors": {1: b"x", 3: b"c"}, "answers": {"why?": ("because",)}}
    (found,) = unlike(ours, PARTS)
    assert found.startswith(
        "3 of 3 vectors differ from a rebuild: 1: b'x' where a rebuild has b'a'"
    )
