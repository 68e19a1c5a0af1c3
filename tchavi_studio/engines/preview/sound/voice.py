"""A murmur that has a line's rhythm and its speaker's pitch, but no words: so that timing can be judged."""

import math
import re

import numpy as np

from tchavi_studio.engines.preview.script.shotlist import Line
from tchavi_studio.engines.preview.sound.noises import seconds
from tchavi_studio.engines.preview.sources import SAMPLE_RATE, Samples

PITCHES_HZ = {"man": 112, "woman": 205, "child": 285, "elder": 98, "robot": 88, "dancer": 195, "astronaut": 118}
USUAL_PITCH_HZ = 135
VOWELS = (
    (730, 1090, 2440),
    (530, 1840, 2480),
    (390, 1990, 2550),
    (570, 840, 2410),
    (440, 1020, 2240),
    (490, 1350, 1690),
)
"""Formants of a, e, i, o, u and a neutral vowel, in hertz."""

VOWEL_GROUP = re.compile(r"[aeiouyàâäéèêëîïôöùûü]+", re.IGNORECASE)
HARMONICS = 22


def murmured(line: Line, chance: np.random.Generator) -> Samples:
    """The murmur of a line, as long as it lasts."""
    count = round(line.duration_seconds * SAMPLE_RATE)
    t = seconds(count)
    syllables = max(1, len(VOWEL_GROUP.findall(line.text)) or len(line.text) // 3)
    way = t / max(1e-6, line.duration_seconds)
    pitch = PITCHES_HZ.get(line.speaker, USUAL_PITCH_HZ) * (
        1.12 - 0.2 * way + 0.05 * np.sin(2 * np.pi * way * syllables / 3)
    )
    if line.text.rstrip().endswith("?"):
        pitch *= 1 + 0.35 * np.clip((way - 0.75) * 4, 0, 1)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    # Each syllable opens and closes the mouth, and has a vowel of its own.
    beat = way * syllables
    mouth = np.sin(np.pi * (beat % 1)) ** 0.6
    chosen = np.array([VOWELS[int(chance.integers(len(VOWELS)))] for _ in range(syllables + 1)], np.float32)
    at = np.minimum(beat.astype(int), syllables - 1)
    voice = np.zeros(count, np.float32)
    for step in range(1, HARMONICS + 1):
        hertz = pitch * step
        level = sum(
            weight / (1 + ((hertz - chosen[at, formant]) / width) ** 2)
            for formant, (weight, width) in enumerate(((1.0, 90.0), (0.6, 130.0), (0.25, 190.0)))
        )
        voice += (np.sin(step * phase) * (level + 0.03) / math.sqrt(step)).astype(np.float32)
    voice *= mouth.astype(np.float32) * np.minimum(1, np.minimum(t, t[::-1]) * 30)
    return np.stack([voice, voice]) * np.float32(0.5)
