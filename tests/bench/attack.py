"""How much longer another person waits for a page while 500 clients send or read as slowly as they can. On Linux."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.attack.attacked import HALF_REQUESTS, AttackedStudio, slow_readers, slow_senders
from tests.databases import connected_to, make_template
from tests.running_studio import RunningStudio

from .report import Row

CROWD = 500
CLIP_BYTES = 50_000_000


def rows(size: int) -> Iterator[Row]:
    """Two rows; `size` doesn't matter here."""
    with tempfile.TemporaryDirectory() as folder:
        template = make_template(Path(folder))
        with (
            template.copy() as database,
            connected_to(database),
            RunningStudio(Path(folder, "studio"), database) as running,
        ):
            studio = AttackedStudio(running)
            attacks = {
                "send": slow_senders(*HALF_REQUESTS, count=CROWD),
                "read": slow_readers(studio.add_clip(CLIP_BYTES), count=CROWD),
            }
            for verb, attack in attacks.items():
                yield Row(
                    name=f"a page while {CROWD} clients {verb} slowly, median against an idle studio",
                    before="the site stops",
                    measured=studio.slowdown(attack),
                    goal=2.0,
                    unit="×",
                )
        template.drop()
