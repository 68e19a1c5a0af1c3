"""Zips from a real studio: a slow reader holds up nobody, whoever goes away makes room, and memory stays small."""

import sys
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.utils import timezone

from tchavi_studio.assets.models import Asset
from tchavi_studio.generations.library.entries import enter_clips
from tchavi_studio.generations.models import Engine, Generation, State, ZipSlot
from tests.attack.attacked import AttackedStudio
from tests.attack.test_slow_clients import MAX_PAGE_SECONDS
from tests.running_studio import wait_for

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.processes,
    pytest.mark.one_database,
]
CLIP_BYTES = 100_000_000


@pytest.fixture(scope="module")
def clips(studio: AttackedStudio) -> list[Generation]:
    """Four completed clips of Awa's with 400 MB of zeros, which take no room on the disk."""
    made = []
    for number in range(4):
        studio.add_clip(CLIP_BYTES)
        clip = Generation.objects.create(
            workspace=studio.workspace,
            creator=studio.person,
            model="seedance-2",
            prompt=f"Take {number}",
            duration_seconds=5,
            resolution="480p",
            aspect_ratio="16:9",
            generate_audio=True,
            seed=number,
            width=864,
            height=496,
            engine=Engine.PREVIEW,
            book="sandbox",
            price_credits=0,
            state=State.COMPLETED,
            output=Asset.objects.latest("created_at"),
            finished_at=timezone.now(),
        )
        enter_clips([clip], has_references=False)
        made.append(clip)
    return made


def zip_path(studio: AttackedStudio) -> str:
    return f"/w/{studio.workspace.slug}/gallery/zip/?all=1"


def asking(studio: AttackedStudio) -> bytes:
    lines = [f"GET {zip_path(studio)} HTTP/1.1", "Host: localhost", "Connection: close", f"Cookie: {studio.cookie}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def wait_until_free() -> None:
    wait_for(
        lambda: not ZipSlot.objects.filter(user__isnull=False).exists(), seconds=20, what="the slot to be given back"
    )


def test_a_slow_reader_holds_up_nobody_but_themselves(studio: AttackedStudio, clips: list[Generation]) -> None:
    with studio.connect() as reader:
        reader.sendall(asking(studio))
        assert reader.recv(15) == b"HTTP/1.1 200 OK"
        assert max(studio.page_seconds(5)) < MAX_PAGE_SECONDS
        busy = studio.ask(f"GET {zip_path(studio)} HTTP/1.1".encode(), [], Cookie=studio.cookie)
        assert busy.status == 429
        assert "retry-after: 60" in busy.header.lower()
        assert "You're downloading a zip already" in busy.body.decode()
    wait_until_free()


def memory_bytes(studio: AttackedStudio) -> int:
    """What the studio's processes have for themselves."""
    total = 0
    for pid in studio.running.pids():
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))
    return total


def test_memory_stays_small_and_the_zip_is_whole(studio: AttackedStudio, clips: list[Generation]) -> None:
    # Once, so that what the first download loads is there.
    for is_measured in (False, True):
        before = highest = memory_bytes(studio)
        received, tail, looks = 0, b"", 0
        with studio.connect() as reader:
            reader.sendall(asking(studio))
            stream = reader.makefile("rb")
            status = stream.readline()
            assert status == b"HTTP/1.1 200 OK\r\n"
            headers = dict(line.decode().lower().rstrip().split(": ", 1) for line in iter(stream.readline, b"\r\n"))
            while data := stream.read(1_000_000):
                received += len(data)
                tail = (tail + data)[-3_000_000:]
                if received // 50_000_000 > looks:
                    looks = received // 50_000_000
                    highest = max(highest, memory_bytes(studio))
        assert received == int(headers["content-length"]) > 4 * CLIP_BYTES
        wait_until_free()
        if is_measured:
            print(f"a zip of {received / 1e6:.0f} MB: {(highest - before) / 1e6:.1f} MB more memory")
            assert highest - before < 30_000_000
    # The directory at its end names all that is in it.
    with ZipFile(BytesIO(tail)) as archive:
        assert len(archive.namelist()) == 6
        assert {info.file_size for info in archive.infolist()[:4]} == {CLIP_BYTES}
