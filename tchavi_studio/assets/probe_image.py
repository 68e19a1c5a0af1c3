"""Images, in the sandboxed process: checked by their header, decoded, turned upright and written afresh."""

import warnings
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import Any

import pillow_heif
from PIL import Image, ImageCms, ImageOps, TiffImagePlugin, WebPImagePlugin

from . import sniff
from .limits import (
    MAX_BYTES,
    MAX_IMAGE_PIXELS,
    MAX_JPEG_PIXELS,
    MAX_SIDE_PIXELS,
    POSTER_SIDE_PIXELS,
    THUMBNAIL_SIDE_PIXELS,
    RefusedFileError,
    check_frame,
)

pillow_heif.register_heif_opener(thumbnails=False)

_PILLOW_FORMATS = {
    sniff.JPEG: "JPEG",
    sniff.PNG: "PNG",
    sniff.WEBP: WebPImagePlugin.WebPImageFile.format,
    sniff.BMP: "BMP",
    sniff.TIFF: TiffImagePlugin.TiffImageFile.format,
    sniff.GIF: "GIF",
    sniff.HEIC: "HEIF",
}
_LOSSY_TYPES = {sniff.JPEG, sniff.WEBP, sniff.HEIC}
_SIXTEEN_BIT_MODES = {"I", "I;16", "I;16B", "I;16L", "I;16N"}
_SCALABLE_MODES = {"L", "LA", "RGB", "RGBA", "CMYK", "YCbCr"}
BAND_ROWS, MARGIN_ROWS = 128, 8
_ICC_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}


def take_image(source: Path, directory: Path, file_type: sniff.FileType) -> dict[str, Any]:
    """Write a clean copy of `source` into `directory`, with a thumbnail, and return its facts.

    The copy is upright, sRGB at 8 bits a channel, without metadata, and at most `MAX_SIDE_PIXELS` wide and high: a
    JPEG, or a PNG if there is transparency or the source was lossless. None of the received bytes stay as they were.
    """
    Image.MAX_IMAGE_PIXELS = None  # or Pillow refuses first, without giving the size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about odd but readable metadata
        try:
            with Image.open(source, formats=[_PILLOW_FORMATS[file_type]]) as opened:
                _check_header(opened)
                image = _plain(opened)
            path, image = _write(image, directory, lossless=file_type not in _LOSSY_TYPES)
        except (OSError, SyntaxError, ValueError, TypeError, EOFError, IndexError, KeyError, ArithmeticError) as error:
            raise RefusedFileError("broken_file", kind="image") from error
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


def _check_header(image: Image.Image) -> None:
    """Check the size that the file declares, before anything is decoded."""
    width, height = image.size
    Image.MAX_IMAGE_PIXELS = MAX_JPEG_PIXELS if image.format in ("JPEG", "MPO") else MAX_IMAGE_PIXELS
    if width * height > Image.MAX_IMAGE_PIXELS:
        raise RefusedFileError("too_many_pixels", kind="image", width=width, height=height)
    check_frame("image", *_displayed_size(image))
    if max(width, height) > MAX_SIDE_PIXELS:
        scale = MAX_SIDE_PIXELS / max(width, height)
        # JPEG can be decoded at half size or less, which saves most of the memory for a huge photo.
        image.draft(None, (round(width * scale), round(height * scale)))


def _displayed_size(image: Image.Image) -> tuple[int, int]:
    turned = image.getexif().get(0x0112) in (5, 6, 7, 8)
    return (image.height, image.width) if turned else image.size


def _plain(image: Image.Image) -> Image.Image:
    """The first frame of `image`, upright, no larger than allowed, in sRGB, as RGB or RGBA without metadata."""
    profile = image.info.get("icc_profile")
    # In place, and scaled down before anything is copied, so that a large photo is in memory only once.
    if image.mode in _SCALABLE_MODES:
        image = _within_limits(image)
    ImageOps.exif_transpose(image, in_place=True)
    alpha = _alpha(image)
    image = _to_srgb(_opaque(image), profile)
    if alpha is not None:
        image.putalpha(alpha)
    image.thumbnail((MAX_SIDE_PIXELS, MAX_SIDE_PIXELS), Image.Resampling.LANCZOS)
    image.info = {}  # saving would copy comments and profiles from here
    return image


def _within_limits(image: Image.Image) -> Image.Image:
    """`image`, scaled down if its sides exceed MAX_SIDE_PIXELS: in bands, or it would need as much memory again."""
    if max(image.size) <= MAX_SIDE_PIXELS:
        return image
    scale = max(image.size) / MAX_SIDE_PIXELS
    small = Image.new(image.mode, (round(image.width / scale), round(image.height / scale)))
    scale = image.height / small.height
    for top in range(0, small.height, BAND_ROWS):
        # With some rows beyond the band, which the filter reaches.
        first, last = max(top - MARGIN_ROWS, 0), min(top + BAND_ROWS + MARGIN_ROWS, small.height)
        begin, end = int(first * scale), min(ceil(last * scale), image.height)
        band = image.crop((0, begin, image.width, end)).resize(
            (small.width, last - first),
            Image.Resampling.LANCZOS,
            box=(0, first * scale - begin, image.width, last * scale - begin),
        )
        small.paste(band.crop((0, top - first, small.width, last - first)), (0, top))
    small.info = image.info.copy()
    small.getexif().update(image.getexif())
    image.close()  # or its pixels would stay in memory
    return small


def _alpha(image: Image.Image) -> Image.Image | None:
    """The transparency of `image`, or None if all of it is opaque."""
    if not image.has_transparency_data:
        return None
    alpha = (image if image.mode == "RGBA" else image.convert("RGBA")).getchannel("A")
    return None if alpha.getextrema() == (255, 255) else alpha


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


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """`image` as RGB in sRGB. A profile that is broken or for another colour space is ignored."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            if source.profile.xcolor_space.strip() == _ICC_SPACES[image.mode]:
                converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
                assert converted is not None
                return converted
        except (ImageCms.PyCMSError, OSError):
            pass
    return image if image.mode == "RGB" else image.convert("RGB")


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
            image = image.resize((round(image.width * 0.8), round(image.height * 0.8)), Image.Resampling.LANCZOS)
