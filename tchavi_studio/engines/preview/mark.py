"""The small PREVIEW in the corner of every frame, so that nobody mistakes a preview for the real clip."""

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from tchavi_studio.engines.preview.picture import Mask, Picture

TEXT = "PREVIEW"
OPACITY = 0.72
SHADOW_OPACITY = 0.5

HEIGHT_SHARE = 1 / 48
"""Letter size as a share of the frame's shorter side: 15 pixels at 720p."""

LETTER_SPACING = 0.22
"""Of the letter size: capitals this small want air."""

MARGIN = 1.6
"""Distance to the frame's edges, in letter sizes."""


class PreviewMark:
    """The mark for frames of one size: white letters on their own soft shadow, readable on snow and on night."""

    def __init__(self, size: tuple[int, int]) -> None:
        letter_size = max(11, round(min(size) * HEIGHT_SHARE))
        font = ImageFont.load_default(letter_size)
        spacing = letter_size * LETTER_SPACING
        halo = letter_size
        width = round(sum(font.getlength(letter) + spacing for letter in TEXT) - spacing)
        box = (_even(width + 2 * halo), _even(letter_size + 2 * halo))

        letters = Image.new("L", box, 0)
        draw = ImageDraw.Draw(letters)
        left = float(halo)
        for letter in TEXT:
            draw.text((left, box[1] / 2), letter, fill=255, font=font, anchor="lm")
            left += font.getlength(letter) + spacing
        shadow = letters.filter(ImageFilter.GaussianBlur(letter_size / 4)).point(
            [min(255, round(level * 2.2 * SHADOW_OPACITY)) for level in range(256)]
        )

        self._letters = Mask.from_image(letters.point([round(level * OPACITY) for level in range(256)]))
        self._shadow = Mask.from_image(shadow)
        self._white = Picture.from_image(Image.new("RGB", box, "white"))
        self._black = Picture.from_image(Image.new("RGB", box, "black"))
        edge = letter_size * MARGIN - halo
        self._corner = _even(round(edge))

    def stamp(self, picture: Picture) -> None:
        """Put the mark into the upper left corner, in place."""
        picture.paste(self._black, self._shadow, top=self._corner, left=self._corner)
        picture.paste(self._white, self._letters, top=self._corner, left=self._corner)


def _even(length: int) -> int:
    return max(0, length + length % 2)
