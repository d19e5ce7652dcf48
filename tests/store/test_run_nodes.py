from __future__ import annotations

from tagger.store.run_nodes import count_node, nodes_at_work, speed_of
from tagger.store.runs import end_run, start_run
from tagger.store.session import Store
from tagger.store.tables import RunNodeRow


def test_machines_of_a_run_tell_their_speed_while_they_are_heard_of(store: Store) -> None:
    with store.write() as session:
        run = start_run(session, "backfill", None, 1000)
        for node in ("b", "a", "lost"):
            session.add(RunNodeRow(run_id=run, node=node, started_at=1000, seen_at=1000, labelled=0))
        session.flush()
        for _ in range(2):
            count_node(session, run, "a", 150, 1100)
        count_node(session, run, "b", 100, 1100)
    with store.read() as session:
        nodes = nodes_at_work(session, 1130)
        assert [(node.node, node.labelled, node.photos_per_second) for node in nodes] == [
            ("a", 300, 3.0),
            ("b", 100, 1.0),
            ("lost", 0, 0.0),
        ]
        assert [node.is_alive for node in nodes] == [True, True, False]
        assert speed_of(nodes) == 4.0
        # What a command left that was killed is told for as long as its workers may go on.
        assert len(nodes_at_work(session, 1950)) == 2
        assert nodes_at_work(session, 2050) == []
    with store.write() as session:
        end_run(session, run, "done", 130, 1130)
    with store.read() as session:
        assert nodes_at_work(session, 1130) == []
