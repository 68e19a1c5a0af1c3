"""What is written on a clip."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tchavi_studio.engines.preview.drawing.captions import Captions
from tchavi_studio.engines.preview.drawing.lettering import Text, shaped, wrapped
from tchavi_studio.engines.preview.script import read_prompt

SIZE = (432, 248)


def written(prompt: str, *, frame: int = 24, with_strip: bool = True, shot: int = 0) -> NDArray[np.int16]:
    """A grey frame with all that is written on it."""
    script = read_prompt(prompt, duration_seconds=5)
    captions = Captions(
        script.shots[shot],
        number=shot + 1,
        count=len(script.shots),
        language=script.language,
        size=SIZE,
        with_strip=with_strip,
    )
    pixels = np.full((SIZE[1], SIZE[0], 4), 128, np.uint8)
    captions.write_on(pixels, frame)
    return pixels[..., :3].astype(np.int16)


def middles(text: Text) -> list[float]:
    return [float(np.concatenate(glyph.contours)[:, 0].mean()) for glyph in text.glyphs]


def outlines(text: Text) -> list[list[bytes]]:
    """The shapes of the glyphs, wherever they stand."""
    return [
        [np.round(contour - np.concatenate(glyph.contours).min(axis=0), 4).tobytes() for contour in glyph.contours]
        for glyph in text.glyphs
    ]


def test_latin_letters_stand_from_left_to_right() -> None:
    text = shaped("Größe, très bien")
    assert len(text.glyphs) == 14
    assert middles(text) == sorted(middles(text))
    assert text.width == pytest.approx(8.03, abs=0.01)


def test_yoruba_marks_stand_on_their_letters() -> None:
    letter, marked = shaped("ẹ"), shaped("ẹ́")
    assert marked.width == pytest.approx(letter.width)
    above = min(float(np.concatenate(glyph.contours)[:, 1].min()) for glyph in marked.glyphs)
    assert above < min(float(np.concatenate(glyph.contours)[:, 1].min()) for glyph in letter.glyphs) - 0.1
    assert max(middles(marked)) - min(middles(marked)) < 0.2


def test_arabic_letters_join_and_run_from_right_to_left() -> None:
    isolated = [outlines(shaped(letter))[0] for letter in "سوق"]
    joined = outlines(shaped("سوق"))
    # Seen from the left, the last letter comes first; joined letters have other shapes than letters alone.
    assert joined[0] != isolated[0]
    assert isolated[0] not in joined
    alone, before_latin = shaped("سوق").width, shaped("سوق abc")
    assert before_latin.width > alone + 1


def test_numbers_in_arabic_text_keep_their_order() -> None:
    mixed = shaped("السعر 250 فرنك")
    digits = [outlines(shaped(digit))[0] for digit in "250"]
    seen = [outline for outline in outlines(mixed) if outline in digits]
    assert seen == digits


def test_what_the_fonts_lack_is_left_out() -> None:
    assert shaped("漢").glyphs == []
    assert [len(shaped(text).glyphs) for text in ("", " ", "a漢b")] == [0, 0, 2]


def test_long_text_is_cut_with_an_ellipsis() -> None:
    words = "A woman walks along the beach at golden hour"
    assert wrapped(words, 100, max_lines=1) == [words]
    (line,) = wrapped(words, 10, max_lines=1)
    assert line.endswith("…")
    assert words.startswith(line[:-1])
    assert shaped(line).width <= 10
    assert " ".join(wrapped(words, 12, max_lines=9)) == words


def test_the_strip_shows_the_words_and_counts_the_frames() -> None:
    first, later = written("A cat sleeps"), written("A cat sleeps", frame=25)
    strip = first[-15:]
    assert int(strip.max()) > 220
    assert int(strip.min()) < 80
    changed = np.argwhere(np.abs(first - later).max(axis=2) > 40)
    assert changed[:, 0].min() > SIZE[1] - 20
    assert changed[:, 1].min() > SIZE[0] * 0.8


def test_without_a_strip_only_subtitles_are_written() -> None:
    assert np.unique(written("A cat sleeps", with_strip=False)).tolist() == [128]
    spoken = written('A man says: "Good morning."', with_strip=False)
    assert np.argwhere(spoken.max(axis=2) > 240)[:, 0].min() > SIZE[1] * 0.7


def test_a_subtitle_is_there_while_the_line_is_said() -> None:
    line = 'A man says: "Good morning."'
    seen = [bool((written(line, frame=frame, with_strip=False) != 128).any()) for frame in (0, 12, 24, 60, 110)]
    assert seen == [False, True, True, False, False]


@pytest.mark.parametrize("prompt", ['A man says: "{}"', "Un homme dit : « {} »"])
def test_a_line_that_doesnt_fit_says_so(prompt: str) -> None:
    def coral(line: str) -> int:
        red, green, blue = np.moveaxis(written(prompt.format(line), with_strip=False), 2, 0)
        return int(((red > 200) & (green < 190) & (blue < 150)).sum())

    assert coral("Bonjour") == 0
    assert coral("Je vais vous raconter la longue histoire de ma grand-mère et de son village " * 2) > 30


@given(st.text(max_size=60), st.floats(2, 40), st.integers(1, 3))
@example("A 🩷 balloon \u2068walks\u2069 home \U000e0fff", 20.0, 1)
@example("0000 0", 2.0, 2)
@settings(max_examples=40)
def test_any_text_can_be_written(text: str, width: float, max_lines: int) -> None:
    lines = wrapped(text, width, max_lines=max_lines)
    assert len(lines) <= max_lines
    assert all(shaped(line).width <= width for line in lines if not line.endswith("…"))


@pytest.mark.parametrize("text", ["ab" * 5_000, "映画" * 5_000, "a" + " \u200d" * 5_000, " " * 10_000])
def test_long_text_is_cut_without_shaping_all_of_it(text: str) -> None:
    shaped.cache_clear()
    lines = wrapped(text, 20.0, max_lines=2)
    assert shaped.cache_info().misses < 500
    assert all(shaped(line).width <= 20.0 for line in lines)


def test_a_line_that_nobody_could_see_is_not_written() -> None:
    script = read_prompt('A woman says "Hi." ' + "“Hi.” " * 400, duration_seconds=5)
    shot = script.shots[0]
    captions = Captions(shot, number=1, count=1, language="en", size=SIZE, with_strip=False)
    assert len(captions._overlays) <= sum(line.duration_seconds >= 1 / 24 for line in shot.lines)
