"""The work as a whole: once (backfill) or for ever (daemon), with its threads, control socket, status and care."""
