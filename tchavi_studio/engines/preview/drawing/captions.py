"""What is written on a drawn clip: the strip below each shot with its words and timecode, guides, and subtitles."""

from dataclasses import dataclass

import cv2
import numpy as np

from tchavi_studio.engines.formats import FRAMES_PER_SECOND
from tchavi_studio.engines.preview.drawing.lettering import Text, shaped, wrapped
from tchavi_studio.engines.preview.drawing.paper import FRACTION_BITS, Area, Colour, Pixels, Sheet, blended, patches_in
from tchavi_studio.engines.preview.drawing.shapes import Outline, rectangle
from tchavi_studio.engines.preview.script import Shot

WHITE: Colour = (255, 255, 255)
GOLD: Colour = (246, 196, 92)
CORAL: Colour = (255, 150, 120)
INK: Colour = (14, 13, 20)

LETTER_HEIGHT = 0.031
"""Of the strip, in frame heights; at least `MIN_LETTER_PIXELS`."""

SUBTITLE_HEIGHT = 0.046
MIN_LETTER_PIXELS = 12
MARGIN = 0.03
STRIP_OPACITY = 0.62
GUIDE_LENGTH = 0.035

TOO_SHORT = {"en": "needs {needed} s of {there}", "fr": "demande {needed} s sur {there}"}
"""Beside a line that can't be said in its time, in the prompt's language."""


@dataclass(frozen=True, kw_only=True)
class _Overlay:
    """Written pixels in their place on the frame, shown from `start` to `end`, in seconds of the shot."""

    pixels: Pixels
    left: int
    top: int
    start: float
    end: float


class Captions:
    """Everything that is written on one shot. `number` and `count` say which of how many it is."""

    def __init__(
        self, shot: Shot, *, number: int, count: int, language: str, size: tuple[int, int], with_strip: bool = True
    ) -> None:
        self._width, self._height = size
        self._aspect = size[0] / size[1]
        self._start = shot.start_seconds
        self._with_strip = with_strip
        self._letter = max(LETTER_HEIGHT * min(1.0, 0.6 + 0.4 * self._aspect), MIN_LETTER_PIXELS / self._height)
        self._strip_top = 1 - 2.1 * self._letter
        self._overlays = self._strip(shot, number, count) if with_strip else []
        self._overlays += self._subtitles(shot, language)
        self._timecode_right = self._aspect / 2 - MARGIN

    def write_on(self, pixels: Pixels, frame: int) -> None:
        """Write on the shot's frame `frame`, in place."""
        seconds = frame / FRAMES_PER_SECOND
        for overlay in self._overlays:
            if overlay.start <= seconds < overlay.end:
                height, width = overlay.pixels.shape[:2]
                blended(pixels[overlay.top : overlay.top + height, overlay.left : overlay.left + width], overlay.pixels)
        if self._with_strip:
            self._write_timecode(pixels, frame)

    def _strip(self, shot: Shot, number: int, count: int) -> list[_Overlay]:
        sheet = self._sheet()
        half = self._aspect / 2
        sheet.fill(rectangle(-half - 1, self._strip_top, half + 1, 2), INK, STRIP_OPACITY)
        base = 1 - 0.72 * self._letter
        at = -half + MARGIN
        if count > 1:
            label = shaped(f"{number}/{count}")
            write(sheet, label, at, base, self._letter, GOLD)
            at += (label.width + 0.8) * self._letter
        room = half - MARGIN - at - (shaped("0:00:00").width + 1) * self._letter
        for text in wrapped(shot.text, room / self._letter, max_lines=1):
            write(sheet, shaped(text), at, base, self._letter, WHITE)
        self._guides(sheet)
        return self._overlays_of(sheet, 0.0, float("inf"))

    def _guides(self, sheet: Sheet) -> None:
        """Corners of the area in which titles are safe."""
        inset, thick = 0.085, 1.4 / self._height
        right, low = self._aspect / 2 - inset, self._strip_top - inset + 0.02
        for x, across in ((-right, 1), (right, -1)):
            for y, down in ((inset, 1), (low, -1)):
                sheet.fill(_bar(x, y, x + across * GUIDE_LENGTH, y + thick), WHITE, 0.5)
                sheet.fill(_bar(x, y, x + across * thick, y + down * GUIDE_LENGTH), WHITE, 0.5)

    def _subtitles(self, shot: Shot, language: str) -> list[_Overlay]:
        size = max(SUBTITLE_HEIGHT * min(1.0, 0.45 + 0.55 * self._aspect), 1.2 * self._letter)
        overlays = []
        for line in shot.lines:
            if line.duration_seconds < 1 / FRAMES_PER_SECOND:
                continue  # Nobody could see it.
            sheet = self._sheet()
            lines = wrapped(line.text, 0.84 * self._aspect / size, max_lines=2)
            base = (self._strip_top if self._with_strip else 1 - MARGIN) - 0.75 * size
            if not line.fits:
                there = f"{line.duration_seconds:.1f}"
                hint = TOO_SHORT[language].format(needed=f"{line.needed_seconds:.1f}", there=there)
                text = shaped(hint if language == "en" else hint.replace(".", ","))
                self._write_outlined(sheet, text, base, 0.62 * size, CORAL)
                base -= 1.1 * size
            for words in reversed(lines):
                self._write_outlined(sheet, shaped(words), base, size, WHITE)
                base -= 1.25 * size
            start = line.start_seconds - shot.start_seconds
            overlays += self._overlays_of(sheet, start, start + line.duration_seconds)
        return overlays

    def _write_outlined(self, sheet: Sheet, text: Text, base: float, size: float, colour: Colour) -> None:
        left = -text.width * size / 2
        edge = 0.055 * size
        for across, down in ((-1, 0), (1, 0), (0, -1), (0, 1), (-0.7, -0.7), (0.7, 0.7), (-0.7, 0.7), (0.7, -0.7)):
            write(sheet, text, left + across * edge, base + down * edge, size, INK)
        write(sheet, text, left, base, size, colour)

    def _write_timecode(self, pixels: Pixels, frame: int) -> None:
        total = round(self._start * FRAMES_PER_SECOND) + frame
        seconds, rest = divmod(total, FRAMES_PER_SECOND)
        code = f"{seconds // 60}:{seconds % 60:02}:{rest:02}"
        # Digits of one width, so that the numbers stand still while they count.
        step = shaped("0").width * self._letter
        at, base = self._timecode_right - step * len(code), 1 - 0.72 * self._letter
        for character in code:
            digit = shaped(character)
            left = at + (step - digit.width * self._letter) / 2
            for glyph in digit.glyphs:
                spots = [
                    np.rint(
                        (contour * self._letter + (left + self._aspect / 2, base)) * (self._height * 2**FRACTION_BITS)
                    ).astype(np.int32)
                    for contour in glyph.contours
                ]
                cv2.fillPoly(pixels, spots, (*GOLD, 255.0), cv2.LINE_AA, FRACTION_BITS)
            at += step

    def _sheet(self) -> Sheet:
        return Sheet(Area(-self._aspect / 2, 0, self._aspect / 2, 1), self._height)

    def _overlays_of(self, sheet: Sheet, start: float, end: float) -> list[_Overlay]:
        """What is written on a sheet, in parts: most of it is empty."""
        pixels = sheet.pixels[: self._height, : self._width]
        return [
            _Overlay(
                pixels=np.ascontiguousarray(pixels[patch.top : patch.bottom, patch.left : patch.right]),
                left=patch.left,
                top=patch.top,
                start=start,
                end=end,
            )
            for patch in patches_in(pixels)
        ]


def write(sheet: Sheet, text: Text, x: float, y: float, size: float, colour: Colour) -> None:
    """Write shaped text on a sheet: its left end at `x` on the baseline `y`, `size` units to the em."""
    for glyph in text.glyphs:
        sheet.fills([contour * size + (x, y) for contour in glyph.contours], colour)


def _bar(left: float, top: float, right: float, bottom: float) -> Outline:
    return rectangle(min(left, right), min(top, bottom), max(left, right), max(top, bottom))
