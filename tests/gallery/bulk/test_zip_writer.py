"""Zips written on the way: their length is known before, and other programs read them."""

import io
import shutil
import subprocess
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tchavi_studio.gallery.bulk.zip_writer import CHUNK_BYTES, Entry, ZipWriter, zip_length

NAMES = st.lists(
    st.text(alphabet="abé漢-", min_size=1, max_size=9).map("{}.mp4".format), unique=True, min_size=1, max_size=5
)


def written(entries: list[Entry], contents: list[bytes]) -> bytes:
    writer, sent = ZipWriter(), b""
    for entry, content in zip(entries, contents, strict=True):
        parts = writer.blank(entry.length) if entry.name is None else writer.add(entry, [content])
        sent += b"".join(parts)
    return sent + writer.end()


@given(names=NAMES, data=st.data())
def test_the_length_is_known_before(names: list[str], data: st.DataObject) -> None:
    contents = [data.draw(st.binary(max_size=40)) for _name in names]
    entries = [Entry(name, len(content)) for name, content in zip(names, contents, strict=True)]
    gap = data.draw(st.integers(0, 30))
    entries.insert(0, Entry(None, gap))
    sent = written(entries, [bytes(gap), *contents])
    assert len(sent) == zip_length(entries)
    with ZipFile(io.BytesIO(sent)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == dict(zip(names, contents, strict=True))


@pytest.mark.processes
@pytest.mark.skipif(shutil.which("unzip") is None, reason="needs unzip")
def test_another_program_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "clips.zip"
    entries = [Entry("0001-dawn.mp4", 5), Entry(None, 300_000), Entry("manifest.json", 2)]
    path.write_bytes(written(entries, [b"clip1", b"", b"{}"]))
    tested = subprocess.run(["unzip", "-t", str(path)], capture_output=True, text=True)
    assert (tested.returncode, tested.stderr) == (0, "")
    assert "No errors detected" in tested.stdout


def test_content_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a\.mp4 has 3 bytes instead of 4"):
        list(ZipWriter().add(Entry("a.mp4", 4), [b"abc"]))


def zeros(length: int) -> Iterator[bytes]:
    chunk = bytes(CHUNK_BYTES)
    for start in range(0, length, CHUNK_BYTES):
        yield chunk[: length - start]


def test_memory_does_not_grow_with_the_files() -> None:
    """Nothing is kept of what was sent."""
    peaks = []
    for megabytes in (8, 128):
        length, writer = megabytes * 1_000_000, ZipWriter()
        tracemalloc.start()
        sent = sum(len(part) for part in writer.add(Entry("a.mp4", length), zeros(length)))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert length < sent < length + 100
    assert peaks[1] < peaks[0] + 100_000
    assert peaks[1] < 8 * CHUNK_BYTES


@pytest.mark.long
def test_more_than_four_gigabytes(tmp_path: Path) -> None:
    """Zip64: entries beyond 4 GB, and one that is larger itself."""
    entries = [Entry("0001.mp4", 100_000_000), Entry("0002.mp4", 4_400_000_000), Entry("manifest.json", 2)]
    path, writer = tmp_path / "clips.zip", ZipWriter()
    with path.open("wb") as file:

        def write(part: bytes) -> None:
            # What is zero needn't be on the disk.
            if part.count(0) == len(part):
                file.seek(len(part), io.SEEK_CUR)
            else:
                file.write(part)

        for entry in entries[:2]:
            for part in writer.add(entry, zeros(entry.length)):
                write(part)
        for part in writer.add(entries[2], [b"{}"]):
            write(part)
        write(writer.end())
    assert path.stat().st_size == zip_length(entries) > 4_500_000_000
    assert path.stat().st_blocks * 512 < 100_000_000
    with ZipFile(path) as archive:
        assert [(info.filename, info.file_size) for info in archive.infolist()] == [
            (entry.name, entry.length) for entry in entries
        ]
        assert archive.read("manifest.json") == b"{}"
        assert archive.testzip() is None
    if shutil.which("unzip"):
        assert subprocess.run(["unzip", "-tq", str(path)], capture_output=True).returncode == 0
