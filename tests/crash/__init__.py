"""Crash tests: kill a real worker process at every crash point from accepting a clip to finishing it.

For each point in `runtime/crashpoints.py`, a worker process (`worker`, `work`) takes several clips through the studio's
real tasks, with the fault-injecting upstream on a real socket, and SIGKILLs itself there. Then a new worker starts with
no knowledge of the first, and both sides' books are compared (`drill`): nothing may be lost, billed twice or stuck.
`cases` lists the situation at each point.

`python -m tests.crash` (`make crash`) runs every case on SQLite and PostgreSQL and writes the table in
docs/reliability.md; the regular test suite runs those that `test_crash_points.py` selects.
"""
