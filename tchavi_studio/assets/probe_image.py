"""Images, in the sandboxed process: checked by their header, decoded, turned upright and written afresh.

All pixels are in memory once. What a photo becomes is drawn in bands, into a file, and only read back once the photo
itself is gone.
"""

import mmap
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from math import ceil
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import pillow_heif
from PIL import (
    Image,
    ImageCms,
    ImageOps,
    JpegImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from . import sniff
from .limits import (
    MAX_BYTES,
    MAX_DECODED_BYTES,
    MAX_IMAGE_PIXELS,
    MAX_JPEG_PIXELS,
    MAX_SIDE_PIXELS,
    POSTER_SIDE_PIXELS,
    THUMBNAIL_SIDE_PIXELS,
    RefusedFileError,
    check_frame,
)

pillow_heif.options.THUMBNAILS = False
pillow_heif.options.DECODE_THREADS = 2

Photo = Image.Image | pillow_heif.HeifFile
Rows = Callable[[int, int], Image.Image]
"""The rows of a photo from one to before another, as they were decoded."""

_PILLOW_FORMATS = {
    sniff.JPEG: "JPEG",
    sniff.PNG: "PNG",
    sniff.WEBP: WebPImagePlugin.WebPImageFile.format,
    sniff.BMP: "BMP",
    sniff.TIFF: TiffImagePlugin.TiffImageFile.format,
    sniff.GIF: "GIF",
}
_LOSSY_TYPES = {sniff.JPEG, sniff.WEBP, sniff.HEIC}
_SIXTEEN_BIT_MODES = {"I", "I;16", "I;16B", "I;16L", "I;16N"}
_BYTES_PER_PIXEL = {"WEBP": 16, "TIFF": 8}
"""What decoding takes for each pixel, where it isn't the 4 of the decoded pixel.

WebP is decoded as an animation, which has two more canvases and a copy; a TIFF may be a single strip, held as well.
"""
_JPEG_SCALES = (1, 2, 4, 8)
_HEIF_SAMPLES = {420: 1.5, 422: 2}
_HEIF_THREADS_BYTES_PER_PIXEL = 0.5
_ORIENTATION = 0x0112
BAND_ROWS, MARGIN_ROWS = 64, 4
_ICC_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}


@dataclass(frozen=True, kw_only=True)
class _Drawing:
    """What is in the file of a drawing: pixels of 3 bytes, or of 4 if the photo could be transparent."""

    size: tuple[int, int]
    mode: str
    is_opaque: bool
    orientation: int


def take_image(source: Path, directory: Path, file_type: sniff.FileType) -> dict[str, Any]:
    """Write a clean copy of `source` into `directory`, with a thumbnail, and return its facts.

    The copy is upright, sRGB at 8 bits a channel, without metadata, and at most `MAX_SIDE_PIXELS` wide and high: a
    JPEG, or a PNG if there is transparency or the source was lossless. None of the received bytes stay as they were.
    """
    Image.MAX_IMAGE_PIXELS = None  # or Pillow refuses first, without giving the size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about odd but readable metadata
        try:
            with TemporaryFile(dir=directory) as file:
                image = _read_back(_draw_source(source, file_type, file), file)
            return keep_image(image, directory, lossless=file_type not in _LOSSY_TYPES)
        except (
            *(OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError, ArithmeticError),
            RuntimeError,  # pillow_heif's
        ) as error:
            raise RefusedFileError("broken_file", kind="image") from error


def keep_image(image: Image.Image, directory: Path, *, lossless: bool) -> dict[str, Any]:
    """Write `image` as the file to keep, with a thumbnail, and return its facts."""
    path, image = _write(image, directory, lossless=lossless)
    return {
        "kind": "image",
        "content_type": "image/png" if path.suffix == ".png" else "image/jpeg",
        "width": image.width,
        "height": image.height,
        "file": path.name,
        "thumbnail": write_webp(image, directory, "thumbnail", THUMBNAIL_SIDE_PIXELS),
    }


def write_webp(image: Image.Image, directory: Path, role: str, max_side_pixels: int) -> str:
    """Write `image` as a WebP, scaled down to `max_side_pixels`, and return the file's name."""
    small = image
    if max(image.size) > max_side_pixels:
        small = ImageOps.contain(image, (max_side_pixels, max_side_pixels), Image.Resampling.LANCZOS)
    small.save(directory / f"{role}.webp", quality=80)
    return f"{role}.webp"


def write_pictures(image: Image.Image, directory: Path) -> dict[str, str]:
    """Write the poster and the thumbnail of a video's `image`, and return their names in `directory`."""
    return {
        "poster": write_webp(image, directory, "poster", POSTER_SIDE_PIXELS),
        "thumbnail": write_webp(image, directory, "thumbnail", THUMBNAIL_SIDE_PIXELS),
    }


# --- The header ------------------------------------------------------------------------------------------------------


def _check_header(photo: Photo, *, byte_count: int) -> None:
    """Check what the file declares before anything is decoded, and prepare a JPEG to be decoded smaller."""
    width, height = photo.size
    jpeg = photo if isinstance(photo, JpegImagePlugin.JpegImageFile) else None
    _check_pixels(
        photo.size,
        bytes_per_pixel=_least_bytes_per_pixel(photo),
        byte_count=byte_count,
        max_pixels=MAX_JPEG_PIXELS if jpeg else MAX_IMAGE_PIXELS,
    )
    check_frame("image", *((height, width) if _orientation(photo) in (5, 6, 7, 8) else (width, height)))
    if jpeg:
        _decode_smaller(jpeg, max_bytes=MAX_DECODED_BYTES - byte_count)


def _orientation(photo: Photo) -> int:
    """How the camera was held, as in EXIF. A HEIC is turned by its decoder, whatever its EXIF says."""
    if isinstance(photo, pillow_heif.HeifFile):
        return 1
    orientation: int = photo.getexif().get(_ORIENTATION, 1)  # reads all of a PNG
    return orientation


def _check_pixels(
    size: tuple[int, int], *, bytes_per_pixel: float, byte_count: int, max_pixels: int = MAX_IMAGE_PIXELS
) -> None:
    width, height = size
    # Some decoders hold the whole file as well.
    max_pixels = min(max_pixels, int((MAX_DECODED_BYTES - byte_count) / bytes_per_pixel))
    if width * height > max_pixels:
        raise RefusedFileError("too_many_pixels", kind="image", width=width, height=height, max_pixels=max_pixels)


def _webp_size(source: Path) -> tuple[int, int]:
    """The sides that a WebP declares. Pillow only tells them with half of the memory for its pixels taken."""
    with source.open("rb") as file:
        head = file.read(30)
    match head[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
        case b"VP8L":
            sides = int.from_bytes(head[21:25], "little")
            return 1 + (sides & 0x3FFF), 1 + (sides >> 14 & 0x3FFF)
        case _:
            return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF


def _least_bytes_per_pixel(photo: Photo) -> float:
    """How much memory decoding takes, for each pixel that the file declares; for a JPEG, at its smallest scale."""
    if isinstance(photo, pillow_heif.HeifFile):
        # The picture as it was coded, first at its depth and then at 8 bits, is freed once its colours are converted.
        samples: float = _HEIF_SAMPLES.get(photo.info.get("chroma"), 3) + photo.has_alpha
        samples *= 1 if photo.info["bit_depth"] == 8 else 3
        return samples + Image.getmodebands(photo.mode) + _HEIF_THREADS_BYTES_PER_PIXEL
    if isinstance(photo, JpegImagePlugin.JpegImageFile):
        return _jpeg_bytes_per_pixel(photo, scale=_JPEG_SCALES[-1])
    return _BYTES_PER_PIXEL.get(photo.format or "", 4)


def _jpeg_bytes_per_pixel(image: JpegImagePlugin.JpegImageFile, *, scale: int) -> float:
    """With a progressive JPEG, all coefficients are in memory, at any scale: 2 bytes for each sample."""
    samples = 0.0
    if "progressive" in image.info:
        factors = [(across, down) for _id, across, down, _table in image.layer]
        most = max(across for across, _ in factors) * max(down for _, down in factors)
        samples = sum(across * down for across, down in factors) / most
    return 2 * samples + 4 / scale**2


def _decode_smaller(image: JpegImagePlugin.JpegImageFile, *, max_bytes: int) -> None:
    """Have a JPEG decoded at half its size or less if it is more than twice too large, or takes too much memory."""
    for scale in _JPEG_SCALES:
        byte_count = image.width * image.height * _jpeg_bytes_per_pixel(image, scale=scale)
        if byte_count <= max_bytes and max(image.size) / (2 * scale) < MAX_SIDE_PIXELS:
            image.draft(None, (image.width // scale, image.height // scale))
            return


# --- Pixels ----------------------------------------------------------------------------------------------------------


def _draw_source(source: Path, file_type: sniff.FileType, file: IO[bytes]) -> _Drawing:
    """Draw the first frame of `source`, no larger than allowed, in sRGB. Nothing of it is in memory afterwards."""
    byte_count = source.stat().st_size
    if file_type == sniff.WEBP:
        _check_pixels(_webp_size(source), bytes_per_pixel=_BYTES_PER_PIXEL["WEBP"], byte_count=byte_count)
    if file_type == sniff.HEIC:
        heif = pillow_heif.open_heif(source)
        _check_header(heif, byte_count=byte_count)
        return _draw(heif, file)
    with Image.open(source, formats=[_PILLOW_FORMATS[file_type]]) as opened:
        _check_header(opened, byte_count=byte_count)
        return _draw(opened, file)


def _rows(photo: Photo) -> Rows:
    """Decode `photo`."""
    if isinstance(photo, Image.Image):
        photo.load()
        return lambda top, bottom: photo.crop((0, top, photo.width, bottom))
    try:
        data = photo.data
    except RuntimeError as error:
        if "Memory allocation error" in str(error):
            raise MemoryError from error
        raise
    # From the decoder's buffer: as a Pillow image, all pixels would be in memory twice.
    mode, width, stride = photo.mode, photo.size[0], photo.stride
    return lambda top, bottom: Image.frombuffer(
        mode, (width, bottom - top), data[top * stride : bottom * stride], "raw", mode, stride, 1
    )


def _draw(photo: Photo, file: IO[bytes], *, max_scale: float = 1) -> _Drawing:
    """Draw `photo` into `file`, scaled down so that it is within the limits, and at least to `max_scale`."""
    rows = _rows(photo)
    width, height = photo.size  # decoding may have changed it
    scale = min(max_scale, MAX_SIDE_PIXELS / max(width, height))
    size = (round(width * scale), round(height * scale))
    to_srgb = _Colours(photo.info.get("icc_profile"))
    step = height / size[1]
    mode, is_opaque = "RGB", True
    for top in range(0, size[1], BAND_ROWS):
        # With some rows beyond the band, which the filter reaches.
        first, last = max(top - MARGIN_ROWS, 0), min(top + BAND_ROWS + MARGIN_ROWS, size[1])
        begin, end = int(first * step), min(ceil(last * step), height)
        band = to_srgb(rows(begin, end)).resize(
            (size[0], last - first), Image.Resampling.LANCZOS, box=(0, first * step - begin, width, last * step - begin)
        )
        band = band.crop((0, top - first, size[0], min(top + BAND_ROWS, size[1]) - first))
        mode, is_opaque = band.mode, is_opaque and _is_opaque(band)
        file.write(band.tobytes())
    return _Drawing(size=size, mode=mode, is_opaque=is_opaque, orientation=_orientation(photo))


def _read_back(drawing: _Drawing, file: IO[bytes]) -> Image.Image:
    """What was drawn, upright, as RGBA if any of it is transparent, otherwise as RGB."""
    file.flush()
    raw_mode = "RGBX" if drawing.is_opaque and drawing.mode == "RGBA" else drawing.mode
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as pixels:
        image = Image.frombytes("RGB" if drawing.is_opaque else "RGBA", drawing.size, pixels, "raw", raw_mode)
    image.getexif()[_ORIENTATION] = drawing.orientation
    ImageOps.exif_transpose(image, in_place=True)
    image.info = {}
    return image


def _is_opaque(image: Image.Image) -> bool:
    return image.mode == "RGB" or image.getchannel("A").getextrema() == (255, 255)


class _Colours:
    """Makes bands of a photo RGB or RGBA in sRGB. A profile that is broken or for another colour space is ignored."""

    def __init__(self, profile: bytes | None) -> None:
        self._profile = profile
        self._transforms: dict[str, ImageCms.ImageCmsTransform | None] = {}

    def __call__(self, band: Image.Image) -> Image.Image:
        alpha = None
        if band.has_transparency_data:
            alpha = (band if band.mode == "RGBA" else band.convert("RGBA")).getchannel("A")
        colours = self._to_srgb(_opaque(band))
        if alpha is not None:
            colours.putalpha(alpha)
        return colours

    def _to_srgb(self, image: Image.Image) -> Image.Image:
        if image.mode not in self._transforms:
            self._transforms[image.mode] = self._transform(image.mode)
        transform = self._transforms[image.mode]
        if transform is not None:
            return transform.apply(image)
        return image.copy() if image.mode == "RGB" else image.convert("RGB")

    def _transform(self, mode: str) -> ImageCms.ImageCmsTransform | None:
        if not self._profile:
            return None
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(self._profile))
            if source.profile.xcolor_space.strip() != _ICC_SPACES[mode]:
                return None
            return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        except (ImageCms.PyCMSError, OSError):
            return None


def _opaque(image: Image.Image) -> Image.Image:
    """The colours of `image` without transparency, in mode L, RGB or CMYK at 8 bits."""
    if image.mode in ("RGB", "L", "CMYK"):
        return image
    if image.mode in ("1", "LA", "La"):
        return image.convert("L")
    if image.mode in _SIXTEEN_BIT_MODES:
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    if image.mode == "RGBA":
        return image.convert("RGB")
    if image.mode in ("P", "PA", "RGBa", "RGBX", "YCbCr"):
        return image.convert("RGBA").convert("RGB") if image.has_transparency_data else image.convert("RGB")
    raise RefusedFileError("unsupported_codec", kind="image", codec=image.mode)


def _write(image: Image.Image, directory: Path, *, lossless: bool) -> tuple[Path, Image.Image]:
    """Write `image` as the file to keep, smaller each time until it is within the byte limit."""
    path = directory / ("file.png" if lossless or image.mode == "RGBA" else "file.jpg")
    while True:
        if path.suffix == ".png":
            image.save(path, compress_level=6)
        else:
            image.save(path, quality=93)
        if path.stat().st_size <= MAX_BYTES["image"]:
            return path, image
        if path.suffix == ".png" and image.mode == "RGB":
            path.unlink()
            path = path.with_suffix(".jpg")
        else:
            image = _scaled_down(image, directory)


def _scaled_down(image: Image.Image, directory: Path) -> Image.Image:
    with TemporaryFile(dir=directory) as file:
        drawing = _draw(image, file, max_scale=0.8)
        image.close()  # or its pixels would stay in memory
        return _read_back(drawing, file)
