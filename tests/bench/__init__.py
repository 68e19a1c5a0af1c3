"""`make bench`: how much slower the studio gets with a million clips, and what its hot paths cost.

A subject is a module with `rows(size)`, a generator of `report.Row`. Each runs in its own process (`python -m
tests.bench.subject NAME`), on SQLite, or on the database in TEST_DATABASE_URL. Goals are ratios within one run, so they
hold on any machine; beside absolute goals, docs/benchmarks.md gives what an fsync and a bare insert took in the same
run.
"""
