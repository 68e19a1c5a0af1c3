"""Crashes: a real worker process is killed at every named moment between "accept" and "finished".

`runtime/crashpoints.py` names the moments. For each, a worker process (`worker`, `work`) carries several clips
through the studio's real tasks, against the fault-injecting upstream on a real socket, and SIGKILLs itself there. Then
a fresh worker is started that knows nothing of the first, and both sides' books are compared (`drill`): nothing may be
lost, billed twice, or stuck. `cases` says what was going on at each moment.

`python -m tests.crash` (`make crash`) runs all of it on SQLite and PostgreSQL and writes the table of
docs/reliability.md; the ordinary suite runs the part of it that `test_crash_points.py` chooses.
"""
