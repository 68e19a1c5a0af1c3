"""`python -m tests.upstream --port 0 --state FILE`: the upstream as a process; prints its ports as a line of JSON."""

import argparse
import asyncio
import json
import signal
import sys
import time
from pathlib import Path

from tests.upstream.clip import kept_clip
from tests.upstream.server import Journal, Server
from tests.upstream.service import OPENING_BALANCE_CREDITS, Settings, Upstream


async def serve(arguments: argparse.Namespace) -> None:
    journal = Journal(arguments.state)
    upstream = Upstream(
        time.time,
        arguments.seed,
        settings=Settings().changed(arguments.settings),
        # Later changes are in the journal and take precedence.
        odds=None if journal.past else arguments.odds,
        balance_credits=arguments.balance,
        clip=kept_clip(arguments.state.with_suffix(".mp4")),
        journal=journal.write,
        past=journal.past,
    )
    server = Server(upstream)
    port, other_port = await server.start(arguments.port, arguments.other_port)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    print(json.dumps({"port": port, "other_port": other_port}), flush=True)
    await stopping.wait()
    await server.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.upstream", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="the journal; replayed if it exists")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--other-port", type=int, default=0, help="for videos from another origin, and for /control/")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON; see service.Settings")
    parser.add_argument("--odds", type=json.loads, default={}, help="JSON; see faults.ROUGH_WEATHER")
    parser.add_argument("--balance", type=int, default=OPENING_BALANCE_CREDITS, help="credits")
    asyncio.run(serve(parser.parse_args()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
