from pathlib import Path

import pytest

from convatlas.choosing._ledger import Ledger, Score, is_storage_failure
from convatlas.errors import UserError


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'search.db'}"


def score(candidate: str, accuracy: float, loss: float = 0.5) -> Score:
    return Score(candidate, accuracy, loss, images=100, seconds=1.0)


def test_jobs_are_taken_once_and_scored(url):
    ledger = Ledger(url, "study", "here")
    ledger.enqueue(["a", "b"], 0)
    ledger.enqueue(["a", "b"], 0)  # a second worker that notices the same
    first, second = ledger.take(60), ledger.take(60)
    assert {first.candidate, second.candidate} == {"a", "b"}
    assert ledger.take(60) is None
    ledger.finish(first, score(first.candidate, 91.5))
    assert ledger.scores(0) == {first.candidate: score(first.candidate, 91.5)}
    assert ledger.scores(1) == {}


def test_two_workers_share_one_queue(url):
    one, other = Ledger(url, "study", "one"), Ledger(url, "study", "other")
    one.enqueue(["a", "b", "c"], 0)
    taken = [one.take(60), other.take(60), one.take(60), other.take(60)]
    assert sorted(job.candidate for job in taken if job) == ["a", "b", "c"]


def test_a_restart_takes_its_own_jobs_back(url):
    before = Ledger(url, "study", "here")
    before.enqueue(["a"], 0)
    before.take(3600)
    after = Ledger(url, "study", "here")
    assert after.put_back(own=False) == 0  # not overdue, and perhaps another machine's
    assert after.put_back(own=True) == 1
    assert after.take(60).candidate == "a"


def test_overdue_jobs_of_others_are_taken_over(url):
    gone = Ledger(url, "study", "gone")
    gone.enqueue(["a"], 2)
    gone.take(-1)
    here = Ledger(url, "study", "here")
    assert here.put_back(own=False) == 1
    job = here.take(60)
    assert (job.candidate, job.round) == ("a", 2)


def test_values_are_remembered_for_every_worker(url):
    Ledger(url, "study", "one").remember("plan", {"first": ["a"]})
    assert Ledger(url, "study", "other").recall("plan") == {"first": ["a"]}
    assert Ledger(url, "study", "other").recall("nothing") is None


def test_a_password_is_not_shown():
    with pytest.raises(UserError) as caught:
        Ledger("nosuch://me:secret@host/name", "study", "here")
    assert "nosuch://me:***@host/name" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_database_that_fails_is_told_from_a_fault_of_ours(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path / 'search.db'}", "study", "here")
    (tmp_path / "search.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(Exception, match="commit") as caught:
        ledger.enqueue(["a"], 0)
    assert is_storage_failure(caught.value)
    assert not is_storage_failure(KeyError("ours"))


def test_a_storage_that_cannot_be_opened_is_named():
    with pytest.raises(UserError, match=r"'nosuch://x'.*SQLAlchemy URL"):
        Ledger("nosuch://x", "study", "here")


def test_workers_that_start_together_make_one_storage(monkeypatch, tmp_path):
    """One finds the tables half made; a moment later they are there."""
    import optuna
    from sqlalchemy.exc import OperationalError

    real, failures = optuna.create_study, iter([True, True, False])

    def create(**arguments):
        if next(failures):
            raise OperationalError("CREATE TABLE studies", {}, Exception("already exists"))
        return real(**arguments)

    monkeypatch.setattr(optuna, "create_study", create)
    monkeypatch.setattr("convatlas.choosing._ledger._WAITS", (0.0, 0.0))
    ledger = Ledger(f"sqlite:///{tmp_path / 'shared.db'}", "study", "worker")
    ledger.remember("key", 1)
    assert ledger.recall("key") == 1
