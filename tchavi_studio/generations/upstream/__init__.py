"""Clips made by a provider: sending requests, following jobs, fetching results, and keeping records of it all.

- `pump.py` drives it: it decides which request goes out next and handles each answer. `slots.py` limits how many run.
- `account.py` knows what the provider account allows right now.
- `submission.py` sends the next clip and `following.py` watches it. `unknown.py` settles submissions whose answer was
  lost. `transfers.py` uploads references and fetches finished clips.

docs/reliability.md has the rules it keeps, and how they are tested.
"""
