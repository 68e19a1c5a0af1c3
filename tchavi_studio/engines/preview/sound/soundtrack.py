"""The soundtrack: what the shots sound like, music in their mood, murmured lines, and people's own sounds on top."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from tchavi_studio.engines.preview.script import Shot, ShotList
from tchavi_studio.engines.preview.script.shotlist import Speed
from tchavi_studio.engines.preview.sound.loudness import levelled, limited
from tchavi_studio.engines.preview.sound.music import compose
from tchavi_studio.engines.preview.sound.noises import NOISES, STEPS_PER_SECOND, Noise, footsteps
from tchavi_studio.engines.preview.sound.voice import murmured
from tchavi_studio.engines.preview.sources import SAMPLE_RATE, Samples

VOICE_LEVEL = 0.16
"""The root mean square that a reference is brought to, so that speech stands clearly above the rest."""

VIDEO_SOUND_LEVEL = 0.05
MURMUR_LEVEL = 0.1
DUCKED = 0.3
"""What is left of everything else while somebody speaks or a reference plays."""

CROSSING_SECONDS = 0.12
"""From one shot's sounds to the next's."""

MUSIC_LEVEL, BACKGROUND_MUSIC_LEVEL = 0.11, 0.05
"""Music that was asked for, or goes with a mood; and the quiet chords under a shot that asks for neither."""

SETTING_SOUNDS = {
    "sea": ("waves",),
    "beach": ("waves",),
    "lagoon": ("water", "birds"),
    "river": ("water", "birds"),
    "lake": ("birds", "wind"),
    "desert": ("wind",),
    "savanna": ("crickets", "wind"),
    "forest": ("birds", "wind"),
    "field": ("birds", "wind"),
    "mountain": ("wind",),
    "snowfield": ("wind",),
    "village": ("birds", "crowd"),
    "street": ("traffic", "crowd"),
    "city": ("traffic", "horn"),
    "market": ("crowd",),
    "road": ("traffic",),
    "interior": ("room",),
    "kitchen": ("sizzle",),
    "studio": (),
    "office": ("typing",),
    "stage": ("applause",),
    "stadium": ("roar",),
    "sky": ("wind",),
    "space": ("drone",),
    "underwater": ("underwater",),
    "abstract": (),
}
WEATHER_SOUNDS = {
    "rain": ("rain",),
    "storm": ("rain", "wind", "thunder"),
    "snow": ("wind",),
    "wind": ("wind",),
    "dust": ("wind",),
    "embers": ("fire",),
}
SUBJECT_SOUNDS = {
    "car": "engine",
    "bus": "engine",
    "motorbike": "engine",
    "train": "rumble",
    "plane": "rumble",
    "rocket": "rumble",
    "ship": "waves",
    "boat": "water",
    "sailboat": "waves",
    "crowd": "crowd",
    "candle": "fire",
    "bird": "birds",
}
MUSIC_WORDS = ("music", "piano", "drums", "strings", "electronic", "guitar")
SOFT_GROUND = frozenset(("beach", "desert", "field", "forest", "savanna", "snowfield", "village"))
NIGHT = ("night", "dusk")


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


def compose_soundtrack(
    script: ShotList,
    settings: Sequence[str],
    *,
    sample_count: int,
    given: Sequence[PlacedSound],
    chance: np.random.Generator,
) -> Samples:
    """The whole soundtrack as 2 by `sample_count` samples, at the target loudness, faded in and out.

    `settings` is where each shot plays. References keep the balance that they ask for, so that a soundtrack with them
    is only limited.
    """
    bed = np.zeros((2, sample_count), np.float32)
    for noise, start, end, level in _placed_noises(script.shots, settings):
        first = max(0, round((start - CROSSING_SECONDS / 2) * SAMPLE_RATE))
        last = min(sample_count, round((end + CROSSING_SECONDS / 2) * SAMPLE_RATE))
        if last - first > SAMPLE_RATE // 50:
            bed[:, first:last] += (
                noise(last - first, chance)
                * np.float32(level)
                * _faded(last - first, CROSSING_SECONDS, CROSSING_SECONDS)
            )
    bed += _music(script.shots, sample_count, chance)

    voices = np.zeros((2, sample_count), np.float32)
    presence = np.zeros(sample_count, np.float32)
    murmurs = [
        PlacedSound(
            samples=murmured(line, chance),
            start=round(line.start_seconds * SAMPLE_RATE),
            end=round((line.start_seconds + line.duration_seconds) * SAMPLE_RATE),
            level=MURMUR_LEVEL,
        )
        for shot in script.shots
        for line in shot.lines
    ]
    for sound in [*given, *([] if given else murmurs)]:
        cut = sound.samples[:, : min(sound.end, sample_count) - sound.start]
        stop = sound.start + cut.shape[1]
        loudness = float(np.sqrt(np.mean(np.square(cut, dtype=np.float64)))) if cut.size else 0.0
        # Near silence is left alone: raising it would only bring up its noise.
        gain = min(4.0, sound.level / loudness) if loudness > 1e-4 else 1.0
        voices[:, sound.start : stop] += cut * _faded(cut.shape[1], 0.02, 0.08) * np.float32(gain)
        if sound.level >= MURMUR_LEVEL:
            presence[sound.start : stop] = 1
    bed *= 1 - (1 - np.float32(DUCKED)) * _smoothed(presence, 0.25)

    mix = bed + voices
    mix *= _faded(sample_count, 0.15, 0.7)
    return limited(mix) if given else levelled(mix)


def sounds_of(shot: Shot, setting: str) -> dict[str, float]:
    """The noises of a shot by their names, each with its level; what the words ask for is loudest."""
    if "silence" in shot.sounds:
        return {}
    levels = dict.fromkeys(SETTING_SOUNDS[setting], 0.5)
    if shot.time in NIGHT and "birds" in levels:
        levels["crickets"] = levels.pop("birds")
    for weather in shot.weather:
        levels |= dict.fromkeys(WEATHER_SOUNDS.get(weather, ()), 0.8)
    for subject in shot.subjects:
        if subject.kind in SUBJECT_SOUNDS:
            levels[SUBJECT_SOUNDS[subject.kind]] = 0.7
    return levels | {sound: 1.0 for sound in shot.sounds if sound in NOISES}


def _placed_noises(shots: Sequence[Shot], settings: Sequence[str]) -> Iterator[tuple[Noise, float, float, float]]:
    """Each noise with its start and end in seconds, and its level. One that goes on over a cut isn't interrupted."""
    levels = [sounds_of(shot, setting) for shot, setting in zip(shots, settings, strict=True)]
    for name in dict.fromkeys(name for of_shot in levels for name in of_shot):
        for level, stretch in groupby(zip(shots, levels, strict=True), key=lambda pair: pair[1].get(name, 0.0)):
            heard = [shot for shot, _ in stretch]
            if level:
                yield NOISES[name], heard[0].start_seconds, heard[-1].start_seconds + heard[-1].duration_seconds, level
    for shot, setting in zip(shots, settings, strict=True):
        walker = next((subject for subject in shot.subjects if subject.action in STEPS_PER_SECOND), None)
        if walker is not None and "silence" not in shot.sounds and setting not in ("space", "sea", "underwater"):
            pace = (
                STEPS_PER_SECOND[walker.action] * {Speed.SLOW: 0.55, Speed.NORMAL: 1.0, Speed.FAST: 1.45}[walker.speed]
            )
            steps = footsteps(pace, 24 if setting in SOFT_GROUND else 5)
            yield steps, shot.start_seconds, shot.start_seconds + shot.duration_seconds, 0.5


def _music(shots: Sequence[Shot], sample_count: int, chance: np.random.Generator) -> Samples:
    """One piece for the whole clip, in the first mood that is named; none where silence or no music is asked for."""
    words = tuple(word for shot in shots for word in shot.sounds)
    if "silence" in words or "no music" in words:
        return np.zeros((2, sample_count), np.float32)
    mood = next((shot.mood for shot in shots if shot.mood), "")
    asked = any(word in MUSIC_WORDS for word in words)
    music = compose(sample_count, chance, mood=mood, words=words)
    level = MUSIC_LEVEL if asked or mood else BACKGROUND_MUSIC_LEVEL
    return music * np.float32(level / max(1e-9, float(np.sqrt(np.mean(music**2)))))


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
