"""Upgrades lose nothing: a studio that earlier code filled is migrated by today's code and looked at from outside.

`fixtures/<commit>/` holds such a studio, as it was when the code of that commit was stopped in the middle of its work:
both databases, its stored files, the recipe that filled it (`fill.py`), and what that code said of it (`facts.json`).
The tests use what users use: pages, `/v1`, commands of manage.py. So they hold for every release, and need no change
when a column or a module gets another name.

The suite upgrades the newest fixture only; `make test-long` upgrades the older ones too, since the way from far back
gets longer with every migration. Both do so on SQLite and PostgreSQL. All tests share one upgraded database, and what
one writes is rolled back; a test that needs real commits is marked `own_database`.

How to make the next fixture, say of a release's commit 1a2b3c4:

1. Copy the newest `fill.py` to `fixtures/1a2b3c4/fill.py`, and bring it up to that commit's code. Leave the older
   recipes as they are: each is run with its own commit's code only.
2. Add to it what the release can store that the one before could not, under names of its own in `facts`.
3. `make upgrade-fixture COMMIT=1a2b3c4`. It needs PostgreSQL's programs. Made again it comes out the same.
4. Make it the `NEWEST` in conftest.py.
5. Each test runs on every fixture. Write one for what is new, and skip it where `facts` has no such name.

Whoever improves the words of a failure, or what a role may open, changes what these tests expect with it.
"""
