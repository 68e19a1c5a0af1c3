"""Clips that a provider makes: sending requests, following jobs, fetching results, and what is written down of it.

- `pump.py` drives it all: which request goes out next, and what is done with each answer. `slots.py` says how many run.
- `account.py` knows what the provider's account allows right now: its budget, its troubles.
- `fairness.py` decides whose clip is next; `submission.py` sends it; `following.py` watches it; `unknown.py` settles
  those whose answer was lost; `transfers.py` uploads references and fetches finished clips.

The rules that all of it keeps, and what was done to see that it does, are told in docs/reliability.md.
"""
