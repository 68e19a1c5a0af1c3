"""Large photos, sent by the dozen: two are decoded at a time, each in 400 MB, and nobody else's memory grows."""

import json
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tchavi_studio.api.services import create_key
from tests.assets.media import make_heic_of_tiles
from tests.attack.attacked import Answered, AttackedStudio
from tests.conftest import make_person

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.processes,
]
PHOTOS = 9
LOOK_SECONDS = 0.02
MAX_DECODER_BYTES = 400_000_000
MAX_GROWTH_BYTES = 60_000_000
"""Of all other processes together, with eight threads that hold a request each."""


class Watch:
    """What the decoders and the studio's other processes have in memory, looked at again and again."""

    def __init__(self, studio: AttackedStudio) -> None:
        self._studio = studio
        self.most_at_once = 0
        self.decoder_bytes = 0
        """The most that all decoders had together."""
        self.peak_bytes = 0
        """The most that one decoder had."""
        # For a moment a decoder is a copy of its parent, sharing its memory. So others are those before it.
        self._others = frozenset(studio.running.pids())
        self.others_before_bytes = self._look()
        self.others_bytes = 0

    def _look(self) -> int:
        decoders, others = [], 0
        for pid in self._studio.running.pids():
            with suppress(OSError, ValueError, KeyError):
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                status = dict(line.split(":\t", 1) for line in lines)
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
                if b"tchavi_studio.assets.probe_child" in command:
                    decoders.append(_bytes(status["VmRSS"]))
                    self.peak_bytes = max(self.peak_bytes, _bytes(status["VmHWM"]))
                elif pid in self._others:
                    others += _bytes(status["RssAnon"])
        self.most_at_once = max(self.most_at_once, len(decoders))
        self.decoder_bytes = max(self.decoder_bytes, sum(decoders))
        return others

    @contextmanager
    def watching(self) -> Iterator[None]:
        is_over = threading.Event()

        def look_on() -> None:
            while not is_over.wait(LOOK_SECONDS):
                self.others_bytes = max(self.others_bytes, self._look())

        thread = threading.Thread(target=look_on)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()


def _bytes(field: str) -> int:
    return int(field.split()[0]) * 1024


def send_all(studio: AttackedStudio, photo: bytes, *keys: str) -> list[Answered]:
    """Send a photo `PHOTOS` times with each key, all at once. They differ, or only the first would be decoded."""

    def send(number: int) -> Answered:
        parts = [
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.heic"\r\n\r\n',
            photo + b"\0\0\0\x0cfree%04d" % number,
            b"\r\n--b--\r\n",
        ]
        return studio.ask(
            b"POST /v1/files HTTP/1.1",
            parts,
            Content_Type="multipart/form-data; boundary=b",
            Content_Length=str(sum(map(len, parts))),
            Authorization=f"Bearer {keys[number % len(keys)]}",
        )

    with ThreadPoolExecutor(PHOTOS * len(keys)) as senders:
        return list(senders.map(send, range(PHOTOS * len(keys))))


def attack(studio: AttackedStudio, photo: Path, *keys: str) -> Counter[int]:
    watch = Watch(studio)
    with watch.watching():
        answers = send_all(studio, photo.read_bytes(), *keys)
    growth = watch.others_bytes - watch.others_before_bytes
    print(
        f"{len(answers)} photos: {watch.most_at_once} decoders at once, {watch.decoder_bytes / 1e6:.0f} MB together, "
        f"{watch.peak_bytes / 1e6:.0f} MB at most; other processes {growth / 1e6:+.0f} MB"
    )
    assert watch.most_at_once == 2
    assert watch.peak_bytes <= MAX_DECODER_BYTES
    assert watch.decoder_bytes <= 2 * MAX_DECODER_BYTES
    assert growth <= MAX_GROWTH_BYTES
    for answer in answers:
        if answer.status == 201:
            assert (json.loads(answer.body)["width"], json.loads(answer.body)["height"]) == (6000, 4500)
        else:
            assert (answer.status, "Retry-After: 5" in answer.header) == (429, True), answer
    return Counter(answer.status for answer in answers)


def test_nine_of_a_phones_largest_photos_at_once(studio: AttackedStudio, tmp_path: Path) -> None:
    photo = make_heic_of_tiles(tmp_path / "a.heic", 8064, 6048)
    stored = attack(studio, photo, studio.key)[201]
    # The third waits for a place, which a slow machine may not have in time.
    assert stored in (2, 3)


@pytest.mark.long
def test_nine_each_of_three_people_at_once(studio: AttackedStudio, tmp_path: Path) -> None:
    photo = make_heic_of_tiles(tmp_path / "a.heic", 8000, 6000, tile=500)
    keys = [studio.key]
    for name in ("Bintou", "Cheikh"):
        person = make_person(name)
        keys.append(create_key(workspace=person.memberships.get().workspace, user=person, name="laptop").key)
    assert 2 <= attack(studio, photo, *keys)[201] <= 9
