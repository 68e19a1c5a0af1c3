"""The soundtrack: a gentle pad with a few chimes, made from the seed, under the reference audio.

Everything is computed at once as 2 by n samples; a 15 s clip is 720,000 of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tchavi_studio.engines.preview.sources import SAMPLE_RATE, Samples

ROOTS_HZ = (110.0, 123.47, 130.81, 146.83, 98.0)
"""A2, B2, C3, D3, G2: low enough to be warm, high enough for a phone's speaker to follow with the overtones."""

CHORDS = ((0, 7, 12, 16, 19), (-3, 9, 12, 16, 19), (-7, 5, 12, 14, 21), (-5, 7, 11, 14, 19))
"""Tonic, its minor relative, subdominant and dominant with soft colours, in semitones above the root."""

CHIME_SEMITONES = (24, 26, 28, 31, 33, 36)
"""A pentatonic scale two octaves up: no two of its notes quarrel, whatever the order."""

CHORD_SECONDS = 3.6
VOICE_LEVEL = 0.16
"""The root mean square that a reference is brought to, so that speech stands clearly above the pad."""

VIDEO_SOUND_LEVEL = 0.05
DUCKED = 0.3
"""What is left of the pad while a reference plays."""

LIMIT = 0.89
"""Peak of the mix, -1 dB: the encoder's overshoot stays below full scale."""


@dataclass(frozen=True, kw_only=True)
class PlacedSound:
    """A reference's sound and when it plays: `start` and `end` are samples of the clip."""

    samples: Samples
    start: int
    end: int
    level: float = VOICE_LEVEL


def place_in_order(sounds: Sequence[Samples], *, sample_count: int) -> list[PlacedSound]:
    """Reference audio one after the other in full if it all fits, else each at the start of an equal share."""
    if sum(sound.shape[1] for sound in sounds) <= sample_count:
        starts = np.cumsum([0, *(sound.shape[1] for sound in sounds)])
    else:
        starts = np.arange(len(sounds) + 1) * sample_count // max(1, len(sounds))
    return [
        PlacedSound(samples=sound, start=int(start), end=int(end))
        for sound, start, end in zip(sounds, starts[:-1], starts[1:], strict=True)
    ]


def compose_soundtrack(*, sample_count: int, given: Sequence[PlacedSound], chance: np.random.Generator) -> Samples:
    """The whole soundtrack as 2 by `sample_count` samples, limited and faded in and out."""
    bed = _pad(sample_count, chance) + _chimes(sample_count, chance)
    bed = _with_room(bed, chance)
    bed *= 0.32 / max(1e-9, float(np.abs(bed).max()))

    voices = np.zeros((2, sample_count), np.float32)
    presence = np.zeros(sample_count, np.float32)
    for sound in given:
        cut = sound.samples[:, : min(sound.end, sample_count) - sound.start]
        stop = sound.start + cut.shape[1]
        loudness = float(np.sqrt(np.mean(np.square(cut, dtype=np.float64))))
        # Near silence is left alone: raising it would only bring up its noise.
        gain = min(4.0, sound.level / loudness) if loudness > 1e-4 else 1.0
        voices[:, sound.start : stop] += cut * _faded(cut.shape[1], 0.02, 0.08) * np.float32(gain)
        if sound.level >= VOICE_LEVEL:
            presence[sound.start : stop] = 1
    bed *= 1 - (1 - np.float32(DUCKED)) * _smoothed(presence, 0.25)

    mix = _limited(bed + voices)
    return (mix * _faded(sample_count, 0.15, 0.7)).astype(np.float32)


def _pad(sample_count: int, chance: np.random.Generator) -> Samples:
    """Slow chords: each note twice, a little out of tune, one on either side."""
    root_hz = float(chance.choice(ROOTS_HZ))
    order = [0, *chance.permutation([1, 2, 3])]
    pad = np.zeros((2, sample_count), np.float32)
    overlap = round(1.4 * SAMPLE_RATE)
    step = round(CHORD_SECONDS * SAMPLE_RATE)
    for index, start in enumerate(range(0, sample_count, step)):
        length = min(step + overlap, sample_count - start)
        envelope = _faded(length, 1.4, 1.4)
        seconds = np.arange(length, dtype=np.float32) / np.float32(SAMPLE_RATE)
        for semitones in CHORDS[order[index % len(order)]]:
            hertz = root_hz * 2 ** (semitones / 12)
            for side in (0, 1):
                detuned = hertz * (1 + chance.uniform(-0.0016, 0.0016))
                wave = np.sin(np.float32(2 * np.pi * detuned) * seconds + np.float32(chance.uniform(0, 6.28)))
                # One multiplication makes the octave above (x² of a sine) without a second sine.
                pad[side, start : start + length] += (
                    (wave + np.float32(0.22) * wave * wave) * envelope * np.float32((110 / hertz) ** 0.5)
                )
    pad -= pad.mean(axis=1, keepdims=True)
    return pad


def _chimes(sample_count: int, chance: np.random.Generator) -> Samples:
    """Single bell notes at unhurried, irregular times, each somewhere between left and right."""
    chimes = np.zeros((2, sample_count), np.float32)
    at = chance.uniform(0.4, 0.9)
    while at * SAMPLE_RATE < sample_count:
        start = round(at * SAMPLE_RATE)
        length = min(round(2.2 * SAMPLE_RATE), sample_count - start)
        seconds = np.arange(length, dtype=np.float32) / np.float32(SAMPLE_RATE)
        hertz = 130.81 * 2 ** (float(chance.choice(CHIME_SEMITONES)) / 12)
        bell = sum(
            np.float32(strength) * np.sin(np.float32(2 * np.pi * hertz * partial) * seconds) * np.exp(-seconds * decay)
            for partial, strength, decay in ((1, 1, 2.4), (2.76, 0.28, 4.5), (5.4, 0.1, 8))
        )
        side = chance.uniform(0.25, 0.75)
        strength = chance.uniform(0.35, 0.8)
        chimes[0, start : start + length] += bell * np.float32(strength * (1 - side))
        chimes[1, start : start + length] += bell * np.float32(strength * side)
        at += chance.uniform(0.7, 1.9)
    return chimes


def _with_room(dry: Samples, chance: np.random.Generator) -> Samples:
    """The sound in a large soft room: convolved with noise that dies away within two seconds."""
    tail = round(1.6 * SAMPLE_RATE)
    decay = np.exp(-np.linspace(0, 6.5, tail, dtype=np.float32))
    length = _fast_length(dry.shape[1] + tail)
    wet = np.empty_like(dry)
    for side in (0, 1):
        room = chance.standard_normal(tail, dtype=np.float32) * decay
        # A running mean takes the hiss off the noise.
        room = np.convolve(room, np.full(24, 1 / 24, np.float32), mode="same")
        wet[side] = np.fft.irfft(np.fft.rfft(dry[side], length) * np.fft.rfft(room, length), length)[: dry.shape[1]]
    wet *= np.abs(dry).max() / max(1e-9, float(np.abs(wet).max()))
    wet *= 0.4
    wet += np.float32(0.6) * dry
    return wet


def _fast_length(min_length: int) -> int:
    """The next length with only small prime factors, for which the Fourier transform is fast."""
    lengths: list[int] = []
    for factor in (1, 3, 5, 9, 15):
        length = factor
        while length < min_length:
            length *= 2
        lengths.append(length)
    return min(lengths)


def _faded(sample_count: int, fade_in_seconds: float, fade_out_seconds: float) -> Samples:
    """A level for each sample that rises from and falls to zero; short sounds get proportionally short fades."""
    level = np.ones(sample_count, np.float32)
    rise = min(round(fade_in_seconds * SAMPLE_RATE), sample_count // 3)
    fall = min(round(fade_out_seconds * SAMPLE_RATE), sample_count // 3)
    level[:rise] = np.sin(np.linspace(0, np.pi / 2, rise, dtype=np.float32)) ** 2
    level[sample_count - fall :] *= np.cos(np.linspace(0, np.pi / 2, fall, dtype=np.float32)) ** 2
    return level


def _smoothed(level: Samples, seconds: float) -> Samples:
    """A running mean: steps become ramps of so many seconds."""
    window = round(seconds * SAMPLE_RATE)
    padded = np.pad(level, (window // 2, window - window // 2), mode="edge").astype(np.float64)
    sums = np.concatenate(([0.0], np.cumsum(padded)))
    return ((sums[window:] - sums[:-window]) / window)[: level.size].astype(np.float32)


def _limited(mix: Samples) -> Samples:
    """Leaves quiet passages untouched and bends what is above 0.6 softly under `LIMIT`."""
    knee = np.float32(0.6)
    over = np.abs(mix) - knee
    bent = knee + (LIMIT - knee) * np.tanh(np.maximum(over, 0) / (LIMIT - knee))
    return np.where(over > 0, np.sign(mix) * bent, mix).astype(np.float32)
