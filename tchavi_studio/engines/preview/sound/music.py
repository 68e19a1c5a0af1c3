"""Music in a key and a tempo: chords, a melody and, where the mood wants it, a beat."""

import math
from dataclasses import dataclass

import numpy as np

from tchavi_studio.engines.preview.sound.noises import Wave, burst, ping, seconds
from tchavi_studio.engines.preview.sources import SAMPLE_RATE, Samples

MAJOR, MINOR, LYDIAN, DARK = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 4, 6, 7, 9, 11),
    (0, 1, 3, 5, 7, 8, 10),
)
ROOTS_HZ = (110.0, 123.47, 130.81, 146.83, 98.0)
"""A2, B2, C3, D3, G2: low enough to be warm, high enough for a phone's speaker to follow with the overtones."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """How music goes with a mood. `chords` are degrees of the scale; `notes` is melody notes per beat."""

    scale: tuple[int, ...]
    beats_per_minute: int
    chords: tuple[int, ...]
    instrument: str
    notes: float
    drums: float = 0.0


STYLES = {
    "": Style(scale=MAJOR, beats_per_minute=76, chords=(0, 5, 3, 4), instrument="pad", notes=0.5),
    "calm": Style(scale=MAJOR, beats_per_minute=66, chords=(0, 3, 5, 4), instrument="pad", notes=0.5),
    "joyful": Style(scale=MAJOR, beats_per_minute=116, chords=(0, 4, 5, 3), instrument="guitar", notes=2, drums=0.5),
    "sad": Style(scale=MINOR, beats_per_minute=60, chords=(0, 5, 3, 4), instrument="piano", notes=1),
    "tense": Style(scale=DARK, beats_per_minute=96, chords=(0, 1, 0, 4), instrument="strings", notes=2, drums=0.25),
    "epic": Style(scale=MINOR, beats_per_minute=84, chords=(0, 5, 2, 6), instrument="strings", notes=1, drums=0.9),
    "romantic": Style(scale=MAJOR, beats_per_minute=72, chords=(0, 5, 1, 4), instrument="piano", notes=1),
    "mysterious": Style(scale=DARK, beats_per_minute=58, chords=(0, 1, 5, 0), instrument="bells", notes=0.5),
    "dreamy": Style(scale=LYDIAN, beats_per_minute=64, chords=(0, 1, 4, 0), instrument="bells", notes=1),
    "energetic": Style(scale=MINOR, beats_per_minute=126, chords=(0, 5, 2, 6), instrument="synth", notes=2, drums=1.0),
}
INSTRUMENTS = {"piano": "piano", "strings": "strings", "electronic": "synth", "guitar": "guitar", "drums": "guitar"}
"""What a sound word makes the music's instrument."""

OVERTONES = {
    "pad": ((1, 1.0), (2, 0.3), (3, 0.12)),
    "piano": ((1, 1.0), (2, 0.5), (3, 0.28), (4, 0.16), (5, 0.1)),
    "guitar": ((1, 1.0), (2, 0.6), (3, 0.42), (4, 0.25), (5, 0.18), (6, 0.1)),
    "strings": tuple((step, 1 / step) for step in range(1, 9)),
    "synth": tuple((step, 1 / step) for step in range(1, 12, 2)),
    "bells": ((1, 1.0), (2.76, 0.28), (5.4, 0.1)),
}
DECAYS = {"pad": 0.5, "piano": 2.6, "guitar": 4.2, "strings": 0.6, "synth": 5.0, "bells": 2.2}


def compose(count: int, chance: np.random.Generator, *, mood: str, words: tuple[str, ...]) -> Samples:
    """Music for so many samples: the mood sets key, tempo and beat, `words` the instrument."""
    style = STYLES[mood]
    instrument = next((INSTRUMENTS[word] for word in words if word in INSTRUMENTS), style.instrument)
    beat = 60 / style.beats_per_minute
    root = float(chance.choice(ROOTS_HZ))
    music = np.zeros((2, count), np.float32)
    beats = math.ceil(count / SAMPLE_RATE / beat)
    for bar in range(math.ceil(beats / 4)):
        degree = style.chords[bar % len(style.chords)]
        for number, step in enumerate((0, 2, 4)):
            hertz = _pitch(root, style.scale, degree + step)
            _lay(
                music,
                _note("pad" if instrument != "strings" else "strings", hertz, 4.4 * beat),
                bar * 4 * beat,
                0.09,
                0.3 + 0.2 * number,
            )
        _lay(music, _note("pad", _pitch(root, style.scale, degree) / 2, 4.2 * beat), bar * 4 * beat, 0.14, 0.5)
    place = 4
    for number in range(math.ceil(beats * style.notes)):
        at = number / style.notes * beat
        if chance.random() < 0.22:
            continue
        place = int(np.clip(place + chance.integers(-2, 3), 0, 9))
        hertz = 2 * _pitch(root, style.scale, (0, 1, 2, 4, 5)[place % 5] + 7 * (place // 5))
        _lay(
            music,
            _note(instrument, hertz, 1.6 * beat / style.notes + 0.3),
            at,
            0.12 * chance.uniform(0.7, 1),
            chance.uniform(0.35, 0.65),
        )
    drums = max(style.drums, 0.8 if "drums" in words else 0.0)
    for number in range(beats * 2 if drums else 0):
        at = number * beat / 2
        if number % 4 in (0, 3):
            _lay(music, ping(62, 0.3, decay=14, bend=-0.6), at, 0.5 * drums, 0.5)
        if number % 4 == 2:
            _lay(music, burst(chance, 0.16, decay=30, smooth=2), at, 0.13 * drums, 0.45)
        _lay(music, burst(chance, 0.05, decay=120), at, 0.045 * drums, 0.6)
    return music


def _pitch(root: float, scale: tuple[int, ...], degree: int) -> float:
    octave, step = divmod(degree, len(scale))
    return root * 2 ** (octave + scale[step] / 12)


def _note(instrument: str, hertz: float, length: float) -> Wave:
    t = seconds(round(length * SAMPLE_RATE))
    tone = sum(
        (
            strength * np.sin(np.float32(2 * np.pi * hertz * step) * t)
            for step, strength in OVERTONES[instrument]
            if hertz * step < 12_000
        ),
        np.zeros_like(t),
    )
    slow = instrument in ("pad", "strings")
    rise = np.minimum(1, t / (0.3 if slow else 0.006))
    fall = np.minimum(1, t[::-1] / (0.4 if slow else 0.05))
    note: Wave = (tone * rise * fall * np.exp(-t * DECAYS[instrument])).astype(np.float32)
    return note


def _lay(music: Samples, event: Wave, at: float, level: float, side: float) -> None:
    start = round(at * SAMPLE_RATE)
    part = event[: max(0, music.shape[1] - start)] * np.float32(level)
    music[0, start : start + part.size] += part * np.float32(math.cos(side * math.pi / 2))
    music[1, start : start + part.size] += part * np.float32(math.sin(side * math.pi / 2))
