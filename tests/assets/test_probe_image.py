"""Photos become upright, plain and harmless, whatever they were."""

import struct
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageChops, ImageCms, PngImagePlugin

from tchavi_studio.assets import limits, probe_image, sniff
from tchavi_studio.assets.limits import RefusedFileError
from tests.assets.media import gradient, make_heic_of_tiles, make_image, photo_exif


def take(path: Path, directory: Path) -> tuple[dict[str, Any], Image.Image]:
    """Take `path` as the child process would; the facts, and the picture that is kept."""
    with path.open("rb") as file:
        file_type = sniff.sniff_type(file.read(sniff.SNIFF_BYTE_COUNT))
    assert file_type is not None
    directory.mkdir(exist_ok=True)
    facts = probe_image.take_image(path, directory, file_type)
    kept = Image.open(directory / facts["file"])
    kept.load()
    return facts, kept


def refusal_of(path: Path, directory: Path) -> RefusedFileError:
    with pytest.raises(RefusedFileError) as refused:
        take(path, directory)
    return refused.value


@pytest.mark.parametrize(
    ("extension", "mode", "kept_type", "kept_mode"),
    [
        ("jpg", "RGB", "image/jpeg", "RGB"),
        ("jpg", "L", "image/jpeg", "RGB"),
        ("jpg", "CMYK", "image/jpeg", "RGB"),
        ("png", "RGB", "image/png", "RGB"),
        ("png", "RGBA", "image/png", "RGBA"),
        ("png", "P", "image/png", "RGB"),
        ("png", "L", "image/png", "RGB"),
        ("png", "1", "image/png", "RGB"),
        ("webp", "RGB", "image/jpeg", "RGB"),
        ("webp", "RGBA", "image/png", "RGBA"),
        ("bmp", "RGB", "image/png", "RGB"),
        ("tiff", "RGB", "image/png", "RGB"),
        ("tiff", "CMYK", "image/png", "RGB"),
        ("gif", "P", "image/png", "RGB"),
    ],
)
def test_every_format_and_mode_is_taken(
    tmp_path: Path, extension: str, mode: str, kept_type: str, kept_mode: str
) -> None:
    facts, kept = take(make_image(tmp_path / f"a.{extension}", mode=mode), tmp_path / "out")
    assert facts == {
        "kind": "image",
        "content_type": kept_type,
        "width": 320,
        "height": 300,
        "file": "file.png" if kept_type == "image/png" else "file.jpg",
        "thumbnail": "thumbnail.webp",
    }
    assert (kept.size, kept.mode) == ((320, 300), kept_mode)


def test_heic_becomes_jpeg(tmp_path: Path) -> None:
    pillow_heif.from_pillow(gradient(320, 300)).save(tmp_path / "a.heic", quality=90)
    facts, kept = take(tmp_path / "a.heic", tmp_path / "out")
    assert (facts["content_type"], kept.format, kept.size) == ("image/jpeg", "JPEG", (320, 300))
    red, green, _ = kept.getpixel((310, 290))  # type: ignore[misc]
    assert red > 220
    assert green > 220


def test_a_heic_is_turned_once(tmp_path: Path) -> None:
    pillow_heif.from_pillow(gradient(400, 300)).save(tmp_path / "a.heic", exif=photo_exif(orientation=6).tobytes())
    facts, kept = take(tmp_path / "a.heic", tmp_path / "out")
    assert (facts["width"], facts["height"], kept.size) == (300, 400, (300, 400))
    assert sum(kept.getpixel((5, 395))) > 400  # type: ignore[arg-type]
    assert b"Secret" not in (tmp_path / "out" / facts["file"]).read_bytes()


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    Image.new("I;16", (300, 300), 0x8080).save(tmp_path / "a.png")
    _, kept = take(tmp_path / "a.png", tmp_path / "out")
    assert (kept.mode, kept.getpixel((0, 0))) == ("RGB", (128, 128, 128))


def test_transparency_is_kept_and_opaque_alpha_is_not(tmp_path: Path) -> None:
    _, kept = take(make_image(tmp_path / "half.png", mode="RGBA"), tmp_path / "half")
    assert kept.getchannel("A").getextrema() == (128, 128)
    opaque = gradient(320, 300)
    opaque.putalpha(255)
    opaque.save(tmp_path / "opaque.webp")
    _, kept = take(tmp_path / "opaque.webp", tmp_path / "opaque")
    assert (kept.format, kept.mode) == ("JPEG", "RGB")


def test_a_palette_with_transparency_is_kept_transparent(tmp_path: Path) -> None:
    gradient(320, 300).quantize(64).save(tmp_path / "a.png", transparency=bytes([0] * 32 + [255] * 32))
    _, kept = take(tmp_path / "a.png", tmp_path / "out")
    assert kept.mode == "RGBA"
    assert kept.getchannel("A").getextrema() == (0, 255)


def test_only_the_first_frame_of_an_animation_is_kept(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (320, 300), colour) for colour in ("red", "blue")]
    for extension in ("gif", "webp"):
        frames[0].save(tmp_path / f"a.{extension}", save_all=True, append_images=frames[1:], lossless=True)
        _, kept = take(tmp_path / f"a.{extension}", tmp_path / extension)
        red, _, blue = kept.getpixel((10, 10))  # type: ignore[misc]
        assert getattr(kept, "n_frames", 1) == 1
        assert red > 250
        assert blue < 5


@pytest.mark.parametrize(
    ("orientation", "bright_corner"),
    [
        (1, "bottom right"),
        (2, "bottom left"),
        (3, "top left"),
        (4, "top right"),
        (5, "bottom right"),
        (6, "bottom left"),
        (7, "top left"),
        (8, "top right"),
    ],
)
def test_the_way_a_photo_was_held_is_applied(tmp_path: Path, orientation: int, bright_corner: str) -> None:
    make_image(tmp_path / "a.jpg", 400, 300, exif=photo_exif(orientation=orientation))
    facts, kept = take(tmp_path / "a.jpg", tmp_path / "out")
    size = (400, 300) if orientation < 5 else (300, 400)
    assert (kept.size, (facts["width"], facts["height"])) == (size, size)
    corners = {
        "top left": (5, 5),
        "top right": (size[0] - 5, 5),
        "bottom left": (5, size[1] - 5),
        "bottom right": (size[0] - 5, size[1] - 5),
    }
    # The gradient is black at its top left and brightest at its bottom right.
    brightest = max(corners, key=lambda name: sum(kept.getpixel(corners[name])))  # type: ignore[arg-type]
    assert brightest == bright_corner


def test_place_camera_and_comments_are_gone(tmp_path: Path) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "Secret text")
    exif = photo_exif()
    make_image(tmp_path / "a.jpg", exif=exif, comment=b"Secret comment", xmp=b"<x:xmpmeta>Secret</x:xmpmeta>")
    make_image(tmp_path / "b.png", exif=exif, pnginfo=text)
    make_image(tmp_path / "c.webp", exif=exif, xmp=b"<x:xmpmeta>Secret</x:xmpmeta>")
    make_image(tmp_path / "d.tiff", exif=exif, description="Secret description")
    for name in ("a.jpg", "b.png", "c.webp", "d.tiff"):
        assert b"Secret" in (tmp_path / name).read_bytes(), name
        _, kept = take(tmp_path / name, tmp_path / name[0])
        assert dict(kept.getexif()) == {}, name
        for path in (tmp_path / name[0]).iterdir():
            content = path.read_bytes()
            assert b"Secret" not in content, path
            assert b"Exif" not in content, path


def test_colours_of_another_profile_are_converted(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    strange = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    image = Image.new("RGB", (300, 300), (200, 60, 30))
    # A profile of another colour space says nothing of an RGB picture; one of its own is applied and left out.
    image.save(tmp_path / "lab.png", icc_profile=profile.tobytes())
    image.save(tmp_path / "srgb.png", icc_profile=strange.tobytes())
    image.save(tmp_path / "broken.png", icc_profile=b"no profile at all")
    for name in ("lab", "srgb", "broken"):
        _, kept = take(tmp_path / f"{name}.png", tmp_path / name)
        assert kept.info.get("icc_profile") is None
        assert kept.getpixel((0, 0)) == (200, 60, 30), name


def test_a_wide_gamut_photo_is_converted_to_srgb(tmp_path: Path) -> None:
    image = Image.new("RGB", (300, 300), (120, 200, 60))
    image.save(tmp_path / "wide.png", icc_profile=wide_gamut_profile())
    _, kept = take(tmp_path / "wide.png", tmp_path / "out")
    red, green, blue = kept.getpixel((0, 0))  # type: ignore[misc]
    # The same numbers mean a more saturated green in a wider space, so in sRGB red and blue go down.
    assert red < 115
    assert 195 <= green <= 215
    assert blue < 50


def wide_gamut_profile() -> bytes:
    """sRGB's profile with the primaries of Adobe RGB: the tags rXYZ, gXYZ and bXYZ hold numbers of 1/65536."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = {
        b"rXYZ": (0.60974, 0.31111, 0.01947),
        b"gXYZ": (0.20528, 0.62567, 0.06087),
        b"bXYZ": (0.14919, 0.06322, 0.74457),
    }
    tag_count = int.from_bytes(profile[128:132], "big")
    for index in range(tag_count):
        name, offset, _ = struct.unpack_from(">4sII", profile, 132 + 12 * index)
        if name in primaries:
            struct.pack_into(">3i", profile, offset + 8, *(round(value * 65536) for value in primaries[name]))
    return bytes(profile)


def test_a_large_photo_is_scaled_down_and_its_thumbnail_fits(tmp_path: Path) -> None:
    Image.new("RGB", (6001, 2500), "green").save(tmp_path / "a.jpg")
    facts, kept = take(tmp_path / "a.jpg", tmp_path / "out")
    assert kept.size == (6000, 2500)
    assert (facts["width"], facts["height"]) == (6000, 2500)
    with Image.open(tmp_path / "out" / "thumbnail.webp") as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("WEBP", (320, 133))


def test_a_side_of_6000_stays_as_it_is(tmp_path: Path) -> None:
    Image.new("L", (6000, 2400)).save(tmp_path / "a.png")
    assert take(tmp_path / "a.png", tmp_path / "out")[1].size == (6000, 2400)


def test_what_grew_too_large_by_decoding_is_made_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.MAX_BYTES, "image", 20_000)
    noise = Image.effect_noise((400, 400), 100)
    noise.convert("RGB").save(tmp_path / "opaque.png")
    noise.putalpha(100)
    noise.save(tmp_path / "alpha.png")
    for name, kept_format in (("opaque", "JPEG"), ("alpha", "PNG")):
        facts, kept = take(tmp_path / f"{name}.png", tmp_path / name)
        assert kept.format == kept_format
        assert (tmp_path / name / facts["file"]).stat().st_size <= 20_000
        assert (facts["width"], facts["height"]) == kept.size
        assert len(list((tmp_path / name).iterdir())) == 2


@pytest.mark.parametrize(
    ("width", "height", "code"),
    [
        (299, 400, "side_too_short"),
        (300, 751, "ratio_out_of_range"),
        (300, 750, None),
        (751, 300, "ratio_out_of_range"),
    ],
)
def test_the_header_is_held_to_the_limits(tmp_path: Path, width: int, height: int, code: str | None) -> None:
    path = make_image(tmp_path / "a.png", width, height)
    if code is None:
        assert take(path, tmp_path / "out")[1].size == (width, height)
    else:
        assert refusal_of(path, tmp_path / "out").code == code


def test_a_refusal_tells_the_size_as_displayed(tmp_path: Path) -> None:
    path = make_image(tmp_path / "a.jpg", 200, 400, exif=photo_exif(orientation=6))
    assert refusal_of(path, tmp_path / "out").figures == {"kind": "image", "width": 400, "height": 200}


def png_of_header(path: Path, width: int, height: int) -> Path:
    """A PNG that declares its sides and has next to no pixels."""
    content = b"\x89PNG\r\n\x1a\n"
    for name, data in (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(1000))),
    ):
        content += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    path.write_bytes(content)
    return path


def jpeg_of_header(path: Path, width: int, height: int, **options: Any) -> Path:
    """A JPEG whose header declares other sides than its data has."""
    content = bytearray(make_image(path, **options).read_bytes())
    marker = b"\xff\xc2" if "progressive" in options else b"\xff\xc0"
    at = content.index(marker + b"\x00\x11\x08") + 5
    content[at : at + 4] = struct.pack(">HH", height, width)
    path.write_bytes(content[:-500])
    return path


def test_a_pixel_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    refusal = refusal_of(png_of_header(tmp_path / "bomb.png", 50_000, 50_000), tmp_path / "out")
    assert refusal.code == "too_many_pixels"
    assert refusal.figures == {"kind": "image", "width": 50_000, "height": 50_000, "max_pixels": 64_000_000}


def test_the_caps_on_pixels(tmp_path: Path) -> None:
    """Just within a cap the pixels are decoded, and found missing."""
    for path, code in (
        (png_of_header(tmp_path / "in.png", 8000, 8000), "broken_file"),
        (png_of_header(tmp_path / "out.png", 8001, 8000), "too_many_pixels"),
        (jpeg_of_header(tmp_path / "in.jpg", 12_000, 9166), "broken_file"),
        (jpeg_of_header(tmp_path / "out.jpg", 12_000, 9167), "too_many_pixels"),
    ):
        assert refusal_of(path, tmp_path / "directory").code == code, path.name


def webp_of_header(path: Path, width: int, height: int, **options: Any) -> Path:
    """A WebP that declares other sides than it has."""
    content = bytearray(make_image(path, **options).read_bytes())
    if "lossless" in options:
        content[21:25] = ((width - 1) | (height - 1) << 14).to_bytes(4, "little")
    elif "exif" in options:
        content[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    else:
        content[26:30] = struct.pack("<HH", width, height)
    path.write_bytes(content)
    return path


def test_what_takes_more_memory_may_have_fewer_pixels(tmp_path: Path) -> None:
    """Each is refused by its header: the most that it may have, in megapixels."""
    deep = pillow_heif.from_bytes("RGB;16", (64, 64), bytes(64 * 64 * 6))
    deep.save(tmp_path / "deep.heic")
    sides, declared = (b"ispe" + bytes(4) + struct.pack(">II", *size) for size in ((64, 64), (8064, 6048)))
    (tmp_path / "deep.heic").write_bytes((tmp_path / "deep.heic").read_bytes().replace(sides, declared))
    for path, max_megapixels in (
        (make_heic_of_tiles(tmp_path / "tiles.heic", 8_000, 8_000), 61),
        (tmp_path / "deep.heic", 38),
        (webp_of_header(tmp_path / "lossy.webp", 6_000, 4_000), 19),
        (webp_of_header(tmp_path / "lossless.webp", 6_000, 4_000, lossless=True), 19),
        (webp_of_header(tmp_path / "extended.webp", 6_000, 4_000, exif=photo_exif()), 19),
        (make_image(tmp_path / "strip.tiff", 8_000, 5_000, mode="1"), 38),
        (jpeg_of_header(tmp_path / "halves.jpg", 12_000, 9_000, progressive=True), 101),
        (jpeg_of_header(tmp_path / "whole.jpg", 8_192, 6_144 * 2, progressive=True, subsampling=0), 51),
    ):
        refusal = refusal_of(path, tmp_path / "out")
        assert refusal.code == "too_many_pixels", path.name
        assert refusal.figures["max_pixels"] // 1_000_000 == max_megapixels, path.name


def test_a_jpeg_that_takes_much_memory_is_decoded_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = gradient(1_600, 1_200)
    for name, options, size in (
        ("baseline", {}, (1_600, 1_200)),
        ("progressive", {"progressive": True}, (800, 600)),
        ("progressive-4:4:4", {"progressive": True, "subsampling": 0}, (400, 300)),
    ):
        photo.save(tmp_path / f"{name}.jpg", **options)
        byte_count = (tmp_path / f"{name}.jpg").stat().st_size
        monkeypatch.setattr(probe_image, "MAX_DECODED_BYTES", byte_count + int(1_600 * 1_200 * 6.3))
        assert take(tmp_path / f"{name}.jpg", tmp_path / "out")[1].size == size


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tiff", "gif", "bmp"])
def test_a_cut_off_image_is_refused(tmp_path: Path, extension: str) -> None:
    path = make_image(tmp_path / f"a.{extension}")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert refusal_of(path, tmp_path / "out").code == "broken_file"


@pytest.mark.parametrize("head", [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*"])
def test_a_magic_number_alone_is_refused(tmp_path: Path, head: bytes) -> None:
    (tmp_path / "a").write_bytes(head + b"\x01" * 200)
    assert refusal_of(tmp_path / "a", tmp_path / "out").code in {"broken_file", "side_too_short"}


def test_floating_point_colours_are_refused(tmp_path: Path) -> None:
    Image.new("F", (300, 300)).save(tmp_path / "a.tiff")
    refusal = refusal_of(tmp_path / "a.tiff", tmp_path / "out")
    assert (refusal.code, refusal.figures) == ("unsupported_codec", {"kind": "image", "codec": "F"})


@pytest.mark.parametrize("extension", ["gif", "png", "jpg"])
def test_a_polyglot_dies_by_being_written_anew(tmp_path: Path, extension: str) -> None:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("evil.html", "<script>alert(1)</script>")
    path = make_image(tmp_path / f"a.{extension}")
    path.write_bytes(path.read_bytes() + archive.getvalue())
    assert zipfile.is_zipfile(path)
    facts, _ = take(path, tmp_path / "out")
    kept = tmp_path / "out" / facts["file"]
    assert not zipfile.is_zipfile(kept)
    assert b"script" not in kept.read_bytes()


def test_a_large_photo_is_scaled_down_in_bands_without_seams(tmp_path: Path) -> None:
    photo = gradient(6_400, 2_600)
    photo.save(tmp_path / "a.png", compress_level=1)
    whole = photo.resize((6_000, 2_438), Image.Resampling.LANCZOS)
    _, small = take(tmp_path / "a.png", tmp_path / "out")
    assert small.size == whole.size
    assert np.asarray(ImageChops.difference(small, whole)).max() <= 1
