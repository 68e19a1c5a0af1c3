"""A simulated studio in live mode: its real code, a faulty provider, a fake clock, and everything that can go wrong.

Each seed is a world of its own: people, workers that are killed or stopped between any two lines, a provider that
breaks off, lies and forgets, an account that is refused. When its storms are over everything has to come to its end,
and then both sides' books are compared. Nothing waits and nothing is left to chance: the same seed gives the same
world to the byte.

    python -m tests.simulation --seeds 5000 --jobs 2
    python -m tests.simulation --seed 1234 --verbose

- `hub`: the fake clock, and processes that take turns (greenlets): killed, stopped and woken at any moment.
- `scenario`: what a seed draws: settings, people, weather.
- `seams`: what is replaced in the studio, and by what: sockets, threads, stored files, hints, chance.
- `database`: an in-memory database for each seed, which also writes down every state of every clip.
- `world`: the actors and the run. `judgement`: what must be true during it and at its end.
- `report`: many seeds, and what they add up to.
"""
