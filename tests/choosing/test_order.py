from convatlas.choosing._order import in_turns, leave_untimed, to_try
from tests.choosing.made import candidate


def test_families_take_turns():
    assert list(in_turns(["a1", "a2", "a3", "b1", "c1"], lambda s: s[0])) == [
        "a1", "b1", "c1", "a2", "a3",
    ]  # fmt: skip


def test_dearest_first_that_learn_enough_then_the_quickest():
    listed = [
        candidate("a-huge", "a", mult_adds=9, latency={"median_s": 1.0}),
        candidate("a-big", "a", mult_adds=5, latency={"median_s": 0.001}),
        candidate("a-small", "a", mult_adds=1, latency={"median_s": 0.0001}),
        candidate("b-huge", "b", mult_adds=8, latency={"median_s": 0.5}),
        candidate("b-small", "b", mult_adds=2, latency={"median_s": 0.0002}),
    ]
    ordered = to_try(listed, seconds=20, batch_size=100, cores=2)
    assert [c.id for c in ordered] == ["a-big", "b-small", "a-small", "b-huge", "a-huge"]


def test_more_cores_allow_dearer_nets():
    dear = candidate("dear", "a", mult_adds=5, latency={"median_s": 0.004})
    cheap = candidate("cheap", "a", mult_adds=1, latency={"median_s": 0.0001})
    given = {"seconds": 20, "batch_size": 100}
    assert to_try([cheap, dear], cores=2, **given)[0].id == "cheap"
    assert to_try([cheap, dear], cores=16, **given)[0].id == "dear"


def test_where_time_is_short_every_family_keeps_some():
    listed = [candidate(f"{f}{i}", f) for f in "abc" for i in range(20)]
    listed[0].drop("too slow", "")
    leave_untimed(listed, most=9)
    left = [c.family for c in listed if c.state == "listed"]
    assert sorted(left) == ["a"] * 3 + ["b"] * 3 + ["c"] * 3
    assert listed[0].state == "too slow"
    assert all("9 of 59" in c.reason for c in listed if c.state == "not tried")


def test_with_time_enough_none_is_left_untimed():
    listed = [candidate(str(i), "a") for i in range(5)]
    leave_untimed(listed, most=5)
    assert all(c.state == "listed" for c in listed)
