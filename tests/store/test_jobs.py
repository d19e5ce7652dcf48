from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest
from sqlalchemy import select

from tagger.core.config import Settings
from tagger.core.photo import JobKind, JobState
from tagger.store import dead_letters, jobs, leases
from tagger.store.jobs import JobFilter
from tagger.store.leases import RENEW_SECONDS, Heartbeat
from tagger.store.library import Library
from tagger.store.lock import work_lock
from tagger.store.session import Store, open_store
from tagger.store.tables import JobRow
from tests.clock import Clock
from tests.store import samples
from tests.store.samples import NOW

LATER = NOW + 60


def fill(store: Store, *paths: str) -> tuple[int, list[int]]:
    with store.write() as session:
        root = samples.root(session)
        return root.id, samples.add(session, root, *paths)


def claim(store: Store, root_id: int, limit: int = 10, now: float = LATER, owner: str = "me") -> list[jobs.Job]:
    with store.write() as session:
        return jobs.claim(session, JobFilter(JobKind.LABEL, [root_id]), owner, limit, now)


def counts(store: Store) -> jobs.QueueCounts:
    with store.read() as session:
        return jobs.counts(session, kind=JobKind.LABEL)


def test_a_photo_is_claimed_once_and_completed_once(store: Store) -> None:
    root_id, _ = fill(store, "a.jpg", "b.jpg")
    [first, second] = claim(store, root_id)
    assert [job.path.relative for job in (first, second)] == ["a.jpg", "b.jpg"]
    assert claim(store, root_id) == []
    with store.write() as session:
        jobs.complete(session, first.job_id)
        jobs.complete(session, second.job_id)
    assert counts(store) == jobs.QueueCounts(0, 0, 0)


def test_enqueueing_twice_is_one_job(store: Store) -> None:
    root_id, ids = fill(store, "a.jpg")
    with store.write() as session:
        jobs.enqueue(session, ids, jobs.PRIORITY_STALE, kind=JobKind.LABEL)
        jobs.enqueue(session, ids, jobs.PRIORITY_NEW, kind=JobKind.LABEL)
    assert counts(store).queued == 1
    assert len(claim(store, root_id)) == 1


def test_new_photos_go_before_stale_ones(store: Store) -> None:
    root_id, [old, new] = fill(store, "old.jpg", "new.jpg")
    with store.write() as session:
        jobs.enqueue(session, [old], jobs.PRIORITY_STALE, kind=JobKind.LABEL)
        jobs.enqueue(session, [new], jobs.PRIORITY_NEW, kind=JobKind.LABEL)
    assert [job.photo_id for job in claim(store, root_id)] == [new, old]


def test_nothing_is_claimed_before_it_is_due_or_from_other_roots(store: Store) -> None:
    root_id, ids = fill(store, "a.jpg")
    with store.write() as session:
        jobs.enqueue(session, ids, jobs.PRIORITY_NEW, not_before=int(LATER) + 5, kind=JobKind.LABEL)
        assert jobs.next_due(session, [root_id], kind=JobKind.LABEL, now=LATER) == int(LATER) + 5
    assert claim(store, root_id) == []
    assert claim(store, root_id + 1, now=LATER + 6) == []
    assert len(claim(store, root_id, now=LATER + 6)) == 1


def test_a_lease_that_ran_out_is_given_to_the_next(store: Store) -> None:
    root_id, _ = fill(store, "a.jpg")
    [job] = claim(store, root_id, owner="dead")
    assert claim(store, root_id, now=LATER + jobs.LEASE_SECONDS - 1) == []
    [again] = claim(store, root_id, now=LATER + jobs.LEASE_SECONDS + 1)
    with store.read() as session:
        assert jobs.still_held(session, [job.job_id], "dead") == set()
        assert jobs.still_held(session, [job.job_id], "me") == {again.job_id}


def test_a_renewed_lease_lasts_and_only_its_owner_can_renew_it(store: Store) -> None:
    root_id, _ = fill(store, "a.jpg", "b.jpg")
    [mine] = claim(store, root_id, 1)
    [other] = claim(store, root_id, 1, owner="other")
    late = LATER + jobs.LEASE_SECONDS - 1
    with store.write() as session:
        jobs.renew_leases(session, [mine.job_id, other.job_id], "me", late)
    assert [job.job_id for job in claim(store, root_id, now=late + 10, owner="third")] == [other.job_id]
    assert [job.job_id for job in claim(store, root_id, now=late + jobs.LEASE_SECONDS + 1)] == [mine.job_id]


def test_a_lease_that_was_lost_cannot_be_renewed(store: Store) -> None:
    root_id, _ = fill(store, "a.jpg")
    [job] = claim(store, root_id)
    late = LATER + jobs.LEASE_SECONDS + 1
    claim(store, root_id, now=late, owner="other")
    with store.write() as session:
        jobs.renew_leases(session, [job.job_id], "me", late)
        assert jobs.still_held(session, [job.job_id], "me") == set()
        assert jobs.still_held(session, [job.job_id], "other") == {job.job_id}


def test_a_heartbeat_renews_by_the_clock_only_as_often_as_needed(store: Store) -> None:
    root_id, _ = fill(store, "a.jpg")

    clock = Clock(LATER)
    heartbeat = Heartbeat(Library(store, Settings(), clock), "me")
    ids = [job.job_id for job in claim(store, root_id)]

    def lease() -> int | None:
        with store.read() as session:
            return session.scalar(select(JobRow.lease_until))

    def beat(time: float) -> int | None:
        clock.time = time
        heartbeat.beat(ids)
        return lease()

    first = lease()
    assert beat(LATER + RENEW_SECONDS - 1) == first
    assert beat(LATER + RENEW_SECONDS) == int(LATER + RENEW_SECONDS) + jobs.LEASE_SECONDS
    # A clock that is set back does not stop it.
    assert beat(LATER - 5000) == int(LATER) - 5000 + jobs.LEASE_SECONDS


def test_a_heartbeat_goes_on_while_one_waits(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "_TICK", 0.01)
    beats: list[list[int]] = []
    done: Future[str] = Future()

    class Counting(Heartbeat):
        def beat(self, job_ids: Sequence[int]) -> None:
            beats.append(list(job_ids))
            if len(beats) == 3:
                done.set_result("written")

    heartbeat = Counting(Library(store, Settings()), "me")
    assert heartbeat.wait(done, [7]) == "written"
    assert beats == [[7]] * 3


def test_the_next_start_takes_back_what_its_dead_predecessor_held(store: Store) -> None:
    root_id, _ = fill(store, "a.jpg", "b.jpg")
    claim(store, root_id, 1, owner="me")
    claim(store, root_id, 1, owner="another machine")
    with store.write() as session:
        assert jobs.reclaim(session, "me", JobKind.LABEL) == 1
    assert counts(store) == jobs.QueueCounts(1, 1, 0)


@pytest.mark.parametrize("anybodys", [False, True])
def test_an_earlier_holder_of_the_same_lock_is_dead(store: Store, tmp_path: Path, anybodys: bool) -> None:
    root_id, _ = fill(store, "a.jpg", "b.jpg")
    with work_lock(tmp_path, "backfill") as dead:
        claim(store, root_id, 1, owner=dead)
    (tmp_path / "elsewhere").mkdir()
    with work_lock(tmp_path / "elsewhere", "backfill") as other:
        claim(store, root_id, 1, owner=other)
    with work_lock(tmp_path, "run") as owner, store.write() as session:
        assert owner != dead
        assert jobs.reclaim(session, owner, JobKind.LABEL, anybodys=anybodys) == (2 if anybodys else 1)


def due(store: Store, now: float) -> int | None:
    with store.read() as session:
        return jobs.next_due(session, None, kind=JobKind.LABEL, now=now)


def test_a_lease_that_ran_out_is_work_that_is_due(store: Store) -> None:
    root_id, _ = fill(store, "a.jpg")
    claim(store, root_id, owner="dead")
    end = int(LATER) + jobs.LEASE_SECONDS
    # Until then one knows when to look again.
    assert due(store, LATER + 1) == end + 1
    assert (due(store, end + 1) or 0) <= end + 1
    assert len(claim(store, root_id, now=end + 1)) == 1


def test_what_a_clock_that_was_wrong_put_into_the_far_future_is_due(store: Store) -> None:
    root_id, [first, second] = fill(store, "leased.jpg", "postponed.jpg")
    ahead = LATER + 400 * 86400
    [leased] = claim(store, root_id, 1, now=ahead, owner="dead")
    with store.write() as session:
        jobs.enqueue(session, [second], jobs.PRIORITY_NEW, int(ahead) + 30, kind=JobKind.LABEL)
    assert due(store, LATER) == 0
    assert {job.photo_id for job in claim(store, root_id, now=LATER)} == {first, second}
    assert leased.photo_id == first


def test_the_clock_of_another_machine_may_be_some_minutes_ahead(store: Store) -> None:
    root_id, _ = fill(store, "a.jpg")
    claim(store, root_id, now=LATER + 600, owner="other machine")
    assert claim(store, root_id, now=LATER) == []


def test_an_orderly_stop_leaves_no_trace(store: Store) -> None:
    root_id, _ = fill(store, "a.jpg")
    for _ in range(jobs.ISOLATE_AFTER + 2):
        [job] = claim(store, root_id)
        assert (job.attempts, job.isolated) == (0, False)
        with store.write() as session:
            jobs.release(session, [job.job_id], "me")


def test_photos_of_a_batch_whose_child_died_go_alone_and_the_guilty_one_fails(store: Store) -> None:
    root_id, [bad, good] = fill(store, "bad.jpg", "good.jpg")
    batch = claim(store, root_id)
    with store.write() as session:
        assert jobs.release_after_crash(session, [job.job_id for job in batch], "me", "was ended by a bus error") == 0
    deaths = 0
    while alone := claim(store, root_id):
        assert [job.isolated for job in alone] == [True]
        with store.write() as session:
            if alone[0].photo_id == good:
                jobs.complete(session, alone[0].job_id)
            else:
                deaths += 1
                jobs.release_after_crash(session, [alone[0].job_id], "me", "was ended by a bus error")
    assert deaths == jobs.MAX_CRASHES
    with store.read() as session:
        [letter] = dead_letters.listed(session, JobKind.LABEL)
    assert letter.photo_id == bad
    assert "was ended by a bus error" in letter.reason


def test_a_photo_that_takes_the_parent_down_too_is_given_up(store: Store) -> None:
    """The parent is killed with the child (no memory left): nobody says so, only the counts tell."""
    root_id, _ = fill(store, "bad.jpg")
    claims = 0
    while claim(store, root_id):
        claims += 1
        with store.write() as session:
            jobs.reclaim(session, "me", JobKind.LABEL)
    assert claims == jobs.ISOLATE_AFTER + jobs.MAX_CRASHES
    with store.read() as session:
        assert "when it was looked at alone" in dead_letters.listed(session, JobKind.LABEL)[0].reason


def test_absolved_photos_are_tried_again(store: Store) -> None:
    root_id, _ = fill(store, "a.jpg")
    while batch := claim(store, root_id):
        with store.write() as session:
            jobs.release_after_crash(session, [batch[0].job_id], "me", "ended")
    assert counts(store).failed == 1
    with store.write() as session:
        jobs.forgive_crashes(session)
    assert counts(store) == jobs.QueueCounts(1, 0, 0)
    assert not claim(store, root_id)[0].isolated


def test_short_memory_sends_a_photo_through_alone(store: Store) -> None:
    root_id, _ = fill(store, "a.jpg")
    [job] = claim(store, root_id)
    with store.write() as session:
        jobs.postpone(session, job.job_id, 0, isolated=True)
    assert claim(store, root_id)[0].isolated


def test_retry_takes_all_or_those_below_a_path(store: Store) -> None:
    root_id, _ = fill(store, "2019/a.jpg", "2019/sub/b.jpg", "2019_c.jpg")
    for job in claim(store, root_id):
        with store.write() as session:
            jobs.fail(session, job.job_id, "broken")
    with store.write() as session:
        assert dead_letters.retry(session, [root_id], "2019") == 2
        assert dead_letters.retry(session, [root_id], "2019_c.jpg") == 1
        assert dead_letters.retry(session) == 0
    assert [job.attempts for job in claim(store, root_id)] == [0, 0, 0]


def test_failed_photos_are_listed_by_path(store: Store) -> None:
    root_id, _ = fill(store, "b.jpg", "a.jpg")
    for job in claim(store, root_id):
        with store.write() as session:
            jobs.fail(session, job.job_id, f"{job.path.relative} is broken")
    with store.read() as session:
        reasons = [job.reason for job in dead_letters.listed(session, JobKind.LABEL)]
        assert reasons == ["a.jpg is broken", "b.jpg is broken"]
        assert len(dead_letters.listed(session, JobKind.LABEL, 1)) == 1


def test_many_claimers_at_once_share_without_overlap(settings: Settings) -> None:
    with open_store(settings, create=True) as store:
        root_id, ids = fill(store, *(f"{number}.jpg" for number in range(120)))
    claimed: list[int] = []
    errors: list[BaseException] = []

    def work(owner: str) -> None:
        try:
            with open_store(settings) as store:
                while batch := claim(store, root_id, 7, owner=owner):
                    claimed.extend(job.photo_id for job in batch)
                    for job in batch:
                        with store.write() as session:
                            jobs.complete(session, job.job_id)
        except BaseException as error:  # noqa: BLE001 - handed to the main thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(claimed) == ids


def test_job_states_are_what_is_stored() -> None:
    assert [state.value for state in JobState] == ["queued", "leased", "failed"]
