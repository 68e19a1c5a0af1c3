"""What a file is, judged by its first bytes. Names and declared types are never trusted."""

from dataclasses import dataclass

SNIFF_BYTE_COUNT = 64
"""How much of the start of a file `sniff_type` needs."""


@dataclass(frozen=True)
class FileType:
    """A supported type of media. `content_type` is that of the file as received."""

    kind: str
    content_type: str


JPEG = FileType("image", "image/jpeg")
PNG = FileType("image", "image/png")
WEBP = FileType("image", "image/webp")
BMP = FileType("image", "image/bmp")
TIFF = FileType("image", "image/tiff")
GIF = FileType("image", "image/gif")
HEIC = FileType("image", "image/heic")
MP4 = FileType("video", "video/mp4")
MOV = FileType("video", "video/quicktime")
WAV = FileType("audio", "audio/wav")
MP3 = FileType("audio", "audio/mpeg")

_PREFIXES = {
    b"\xff\xd8\xff": JPEG,
    b"\x89PNG\r\n\x1a\n": PNG,
    b"BM": BMP,
    b"II*\x00": TIFF,
    b"MM\x00*": TIFF,
    b"GIF87a": GIF,
    b"GIF89a": GIF,
    b"ID3": MP3,
}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"}
_STILL_IMAGE_BRANDS = {b"mif1", b"msf1", b"avif", b"avis"}
_OLD_QUICKTIME_BOXES = {b"moov", b"mdat", b"wide"}


def sniff_type(head: bytes) -> FileType | None:
    """The type of a file that begins with `head` (`SNIFF_BYTE_COUNT` bytes, or all of a shorter file)."""
    for prefix, file_type in _PREFIXES.items():
        if head.startswith(prefix):
            return file_type
    if head[:4] == b"RIFF":
        return {b"WEBP": WEBP, b"WAVE": WAV}.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _iso_media_type(head)
    if head[4:8] in _OLD_QUICKTIME_BOXES:
        return MOV
    return MP3 if _is_mp3_frame(head) else None


def _iso_media_type(head: bytes) -> FileType | None:
    """HEIC, MP4 and MOV share a container format, and differ in the brands it declares."""
    length = min(int.from_bytes(head[:4], "big"), len(head))
    major = head[8:12]
    brands = {major, *(head[at : at + 4] for at in range(16, length - 3, 4))}
    if major in _HEIC_BRANDS or (major in _STILL_IMAGE_BRANDS and brands & _HEIC_BRANDS):
        return HEIC
    if major in _STILL_IMAGE_BRANDS:
        return None
    return MOV if major == b"qt  " else MP4


def _is_mp3_frame(head: bytes) -> bool:
    """Whether `head` begins with the header of an MPEG audio frame of layer III."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bit_rate, sample_rate = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and bit_rate not in (0, 15) and sample_rate != 3
