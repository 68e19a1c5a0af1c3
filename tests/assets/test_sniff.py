"""The first bytes decide, and nothing else."""

import pytest

from tchavi_studio.assets.sniff import sniff_type

FTYP = b"\x00\x00\x00\x18ftyp"


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"BM\x00\x00", "image/bmp"),
        (b"II*\x00", "image/tiff"),
        (b"MM\x00*", "image/tiff"),
        (b"GIF87a", "image/gif"),
        (b"GIF89a", "image/gif"),
        (FTYP + b"heic\x00\x00\x00\x00mif1heic", "image/heic"),
        (FTYP + b"mif1\x00\x00\x00\x00mif1heic", "image/heic"),
        (FTYP + b"isom\x00\x00\x02\x00isommp41", "video/mp4"),
        (FTYP + b"mp42\x00\x00\x00\x00mp42isom", "video/mp4"),
        (b"\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  ", "video/quicktime"),
        (b"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat", "video/quicktime"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"ID3\x04\x00", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (b"\xff\xf3\x40\xc0", "audio/mpeg"),
    ],
)
def test_known_beginnings(head: bytes, content_type: str) -> None:
    found = sniff_type(head)
    assert found is not None
    assert (found.content_type, found.kind) == (content_type, content_type.split("/")[0])


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff",
        b"\xff\xd8",
        b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'>",
        b"<?xml version='1.0'?><svg/>",
        b"<!DOCTYPE html><script>alert(1)</script>",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"\x7fELF",
        b"\x1aE\xdf\xa3",
        b"OggS\x00",
        b"fLaC",
        b"RIFF\x00\x00\x00\x00AVI LIST",
        b"<?xml version='1.0'?><MPD/>",
        FTYP + b"avif\x00\x00\x00\x00mif1avif",
        FTYP + b"mif1\x00\x00\x00\x00mif1avif",
        b"\xff\xf1\x50\x80",  # AAC
        b"\xff\xfb\xf0\x00",  # a bit rate that does not exist
        b"\xff\xfb\x9c\x00",  # a sample rate that does not exist
        b"\xff\xeb\x90\x00",  # an MPEG version that does not exist
    ],
)
def test_everything_else_is_unknown(head: bytes) -> None:
    assert sniff_type(head) is None
