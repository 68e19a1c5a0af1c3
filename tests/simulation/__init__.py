"""A simulated studio in live mode: the real code, a faulty provider, a fake clock, and everything that can go wrong.

Each seed is a separate world: people, workers that are killed or paused at any moment, a provider that drops
connections, lies and forgets, an account that is refused. Once its faults are over, everything has to finish, and then
both sides' books are compared. Nothing really sleeps and nothing is random: the same seed gives exactly the same world.

    python -m tests.simulation --seeds 5000 --jobs 2
    python -m tests.simulation --seed 1234 --verbose

- `hub`: the fake clock, and processes that take turns (greenlets) and can be killed, paused and resumed at any moment.
- `scenario`: what is drawn from a seed: settings, people, faults.
- `seams`: what is replaced in the studio: sockets, threads, stored files, wake-ups, time and randomness.
- `database`: an in-memory database for each seed, which also records every state of every clip.
- `world`: the actors and the run. `judgement`: what must be true during the run and at the end.
- `report`: runs many seeds and adds up the results.
"""
