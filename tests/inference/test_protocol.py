"""What the child and the parent say to each other arrives as it was sent."""

from __future__ import annotations

from multiprocessing import Pipe

from tagger.core.photo import Fingerprint, Inspection, PhotoFacts
from tagger.inference.protocol import Outcome, Reply, receive_replies, send_replies
from tagger.system.child_process import receive


def test_an_inspection_arrives_with_the_kinds_that_the_file_tells() -> None:
    ours, theirs = Pipe()
    facts = [
        PhotoFacts("PNG", 1170, 2532, None, ("screenshot", "black and white")),
        PhotoFacts("JPEG", 4032, 3024, "2019-06-01T12:30:00"),
    ]
    sent = [
        Reply(job, Outcome.FEATURES, inspection=Inspection(Fingerprint(9, 8, 7, 6), b"c" * 16, b"p" * 16, fact))
        for job, fact in enumerate(facts)
    ]
    with ours, theirs:
        send_replies(theirs, sent)
        received = receive_replies(receive(ours), ours)
    assert [reply.inspection for reply in received] == [reply.inspection for reply in sent]
