"""Makes the small photos, videos and sounds that these tests use."""

import struct
import wave
from fractions import Fraction
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import Any

import av
import numpy as np
import pillow_heif
from PIL import Image

GPS = "+12.3714-001.5197/"
"""Where the test's videos claim to have been taken (Ouagadougou), as ISO 6709 text."""


def gradient(width: int, height: int) -> Image.Image:
    """An RGB picture whose left is black, right red, top without green and bottom full of it: turning it shows."""
    red = np.linspace(0, 255, width, dtype=np.uint8)[None, :].repeat(height, axis=0)
    green = np.linspace(0, 255, height, dtype=np.uint8)[:, None].repeat(width, axis=1)
    return Image.fromarray(np.dstack([red, green, np.full_like(red, 40)]))


def make_image(path: Path, width: int = 320, height: int = 300, mode: str = "RGB", **options: Any) -> Path:
    """A picture in the format that the path's extension names."""
    image = gradient(width, height)
    if mode == "RGBA":
        image.putalpha(Image.new("L", image.size, 128))
    elif mode != "RGB":
        image = image.convert(mode)
    image.save(path, **options)
    return path


def photo_exif(*, orientation: int = 1) -> Image.Exif:
    """What a phone writes into a photo: where it was, who made it, and how it was held."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Secret Camera Maker"
    exif.get_ifd(0x8825).update({1: "N", 2: (12.0, 22.0, 17.0), 3: "W", 4: (1.0, 31.0, 11.0)})
    return exif


def make_video(
    path: Path,
    *,
    width: int = 640,
    height: int = 640,
    frame_rate: Fraction | int = 24,
    seconds: float = 2,
    frame_count: int | None = None,
    audio: str | None = None,
    codec: str = "libx264",
    rotation: int | None = None,
    dark: bool = False,
    metadata: dict[str, str] | None = None,
    **options: str,
) -> Path:
    """A video of the gradient, or of black. `audio` names the codec of its sound, a tone of the same length."""
    count = round(seconds * frame_rate) if frame_count is None else frame_count
    pixels = np.asarray(gradient(width, height))
    with av.open(str(path), "w", options={name: value for name, value in options.items() if value}) as container:
        container.metadata.update(metadata or {})
        video: Any = container.add_stream(codec, rate=frame_rate, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        if rotation is not None:
            video.set_display_rotation(rotation)
        sound: Any = None
        if audio:
            sound = container.add_stream(audio, rate=48_000)
            sound.layout = "stereo"
        picture = av.VideoFrame.from_ndarray(np.zeros_like(pixels) if dark else pixels, format="rgb24").reformat(
            format="yuv420p"
        )
        for number in range(count):
            picture.pts = number
            picture.time_base = 1 / Fraction(frame_rate)
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        if sound is not None:
            samples = tone(float(count / frame_rate), 48_000).repeat(2)[None, :]
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
            frame.rate = 48_000
            container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    return path


def tone(seconds: float, rate: int) -> "np.ndarray[Any, np.dtype[np.int16]]":
    """A tone that swells from silence to full."""
    times = np.arange(round(seconds * rate)) / rate
    return (np.sin(times * 2 * np.pi * 440) * 32000 * times / max(seconds, 0.001)).astype(np.int16)


def make_wav(path: Path, *, seconds: float = 2, rate: int = 8_000, sample_count: int | None = None) -> Path:
    samples = tone(seconds, rate) if sample_count is None else tone(sample_count / rate, rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


def make_mp3(path: Path, *, seconds: float = 3, metadata: dict[str, str] | None = None) -> Path:
    with av.open(str(path), "w", format="mp3") as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream("libmp3lame", rate=44_100)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(tone(seconds, 44_100)[None, :], format="s16", layout="mono")
        frame.rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def padded_mp4(path: Path, byte_count: int) -> Path:
    """Make the MP4 at `path` exactly `byte_count` long, by a box that means nothing."""
    missing = byte_count - path.stat().st_size
    with path.open("ab") as file:
        file.write(missing.to_bytes(4, "big") + b"free")
        file.truncate(byte_count)
    return path


def streams(path: Path) -> list[tuple[str, str]]:
    with av.open(str(path)) as container:
        return [(stream.type, stream.codec_context.name) for stream in container.streams if stream.codec_context]


def make_heic_of_tiles(path: Path, width: int, height: int, *, tile: int = 512) -> Path:
    """A HEIC as a phone writes it, made of one tile again and again: encoding them all would take long."""
    encoded = BytesIO()
    pillow_heif.from_pillow(gradient(tile, tile)).save(encoded, quality=50)
    content = encoded.getvalue()
    decoder = _box_at(content, b"hvcC")
    pixels = _box_at(content, b"mdat")[8:]
    columns, rows = ceil(width / tile), ceil(height / tile)
    count = columns * rows
    grid = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)

    def box(name: bytes, *parts: bytes, full: bool = True) -> bytes:
        data = (bytes(4) if full else b"") + b"".join(parts)
        return struct.pack(">I", 8 + len(data)) + name + data

    def meta(at: int) -> bytes:
        """All about the file, if its pixels start `at` this byte, followed by the grid. Item 1 is the grid."""
        places = [(1, at + len(pixels), len(grid)), *((2 + n, at, len(pixels)) for n in range(count))]
        names = [(1, b"grid"), *((2 + n, b"hvc1") for n in range(count))]
        infe = [box(b"infe", struct.pack(">HH4sB", n, 0, name, 0)).replace(b"infe\0", b"infe\2") for n, name in names]
        ispe = [box(b"ispe", struct.pack(">II", *size)) for size in ((width, height), (tile, tile))]
        ipma = [struct.pack(">HBB", 1, 1, 1), *(struct.pack(">HBBB", 2 + n, 2, 2, 0x83) for n in range(count))]
        dimg = box(b"dimg", struct.pack(f">HH{count}H", 1, count, *range(2, 2 + count)), full=False)
        return box(
            b"meta",
            box(b"hdlr", bytes(4), b"pict", bytes(13)),
            box(b"pitm", struct.pack(">H", 1)),
            box(
                b"iloc",
                struct.pack(">HH", 0x4400, 1 + count),
                *(struct.pack(">HHHII", n, 0, 1, *it) for n, *it in places),
            ),
            box(b"iinf", struct.pack(">H", 1 + count), *infe),
            box(b"iref", dimg),
            box(
                b"iprp",
                box(b"ipco", *ispe, decoder, full=False),
                box(b"ipma", struct.pack(">I", 1 + count), *ipma),
                full=False,
            ),
        )

    head = box(b"ftyp", b"heic", bytes(4), b"mif1heic", full=False)
    start = head + meta(len(head) + len(meta(0)) + 8)
    path.write_bytes(start + box(b"mdat", pixels, grid, full=False))
    return path


def _box_at(content: bytes, name: bytes) -> bytes:
    at = content.index(name) - 4
    return content[at : at + int.from_bytes(content[at : at + 4], "big")]
