"""Sounds of places, weather, machines and people, each for so many samples in stereo, about as loud as a voice is.

They are coloured noise, swells and short tones: enough to tell the sea from the rain and a market from a road.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tchavi_studio.engines.preview.sources import SAMPLE_RATE, Samples

Wave = NDArray[np.float32]
"""Sound of one side, n samples."""

NOISE_PERIOD = 2**17
"""Noise made by a Fourier transform fits onto itself, and nobody hears it come round after 2.7 s."""

Noise = Callable[[int, np.random.Generator], Samples]

STEPS_PER_SECOND = {"walk": 1.9, "run": 2.9}
"""As the figures walk (drawing/people.py)."""


def seconds(count: int) -> Wave:
    times: Wave = np.arange(count, dtype=np.float32) / np.float32(SAMPLE_RATE)
    return times


def coloured(count: int, chance: np.random.Generator, low: float, high: float, *, slope: float = 0.0) -> Samples:
    """Noise between two frequencies, falling by `slope` (1 is pink, 2 is brown), different on either side."""
    white = chance.standard_normal((2, NOISE_PERIOD), dtype=np.float32)
    hertz = np.fft.rfftfreq(NOISE_PERIOD, 1 / SAMPLE_RATE).astype(np.float32)
    gate = 1 / (1 + (low / np.maximum(hertz, 1)) ** 4) / (1 + (hertz / high) ** 4)
    shape = (gate * np.maximum(hertz, 20) ** (-slope / 2)).astype(np.float32)
    noise = np.fft.irfft(np.fft.rfft(white) * shape, NOISE_PERIOD).astype(np.float32)
    noise *= np.float32(0.12) / max(np.float32(1e-9), np.sqrt(np.mean(noise**2)))
    return np.tile(noise, math.ceil(count / NOISE_PERIOD))[:, :count]


def wandering(count: int, chance: np.random.Generator, *, rate: float, low: float = 0.0) -> Wave:
    """A level that wanders smoothly between `low` and 1, about `rate` times a second."""
    knots = max(4, math.ceil(count / SAMPLE_RATE * rate) + 3)
    level = np.interp(seconds(count) * rate, np.arange(knots), chance.uniform(0, 1, knots))
    eased = level * level * (3 - 2 * level)
    wandered: Wave = (low + (1 - low) * eased).astype(np.float32)
    return wandered


def placed_events(
    count: int, chance: np.random.Generator, *, per_second: float, make: Callable[[], Wave], spread: float = 0.8
) -> Samples:
    """Short sounds at random times, each somewhere between left and right."""
    mix = np.zeros((2, count), np.float32)
    for _ in range(chance.poisson(per_second * count / SAMPLE_RATE)):
        event = make()
        _add(mix, event, int(chance.integers(count)), 0.5 + spread * chance.uniform(-0.5, 0.5))
    return mix


def _add(mix: Samples, event: Wave, start: int, side: float) -> None:
    part = event[: max(0, mix.shape[1] - start)]
    mix[0, start : start + part.size] += part * np.float32(math.cos(side * math.pi / 2))
    mix[1, start : start + part.size] += part * np.float32(math.sin(side * math.pi / 2))


def ping(hertz: float, length: float, *, decay: float, bend: float = 0.0) -> Wave:
    """A tone that dies away; `bend` moves its pitch, in octaves over its length."""
    t = seconds(round(length * SAMPLE_RATE))
    rising = 2 ** (bend * t / length) if bend else 1.0
    phase = 2 * np.pi * hertz * np.cumsum(np.broadcast_to(rising, t.shape)) / SAMPLE_RATE
    tone: Wave = (np.sin(phase) * np.exp(-t * decay)).astype(np.float32)
    return tone


def burst(chance: np.random.Generator, length: float, *, decay: float, smooth: int = 1) -> Wave:
    """A click of noise that dies away; `smooth` dulls it."""
    t = seconds(round(length * SAMPLE_RATE))
    noise: Wave = chance.standard_normal(t.size, dtype=np.float32) * np.exp(-t * np.float32(decay))
    if smooth > 1:
        noise = np.convolve(noise, np.full(smooth, 1 / math.sqrt(smooth), np.float32), "same").astype(np.float32)
    return noise


# ---- Nature ----------------------------------------------------------------------------------------------------------


def waves(count: int, chance: np.random.Generator) -> Samples:
    t = seconds(count)
    deep, spray = coloured(count, chance, 40, 500, slope=1.2), coloured(count, chance, 900, 7000, slope=0.6)
    swells = []
    for side in (0.0, 0.9):
        beat = 2 * np.pi * t / 5.2 + side + chance.uniform(0, 6.3)
        swells.append(np.maximum(0, np.sin(beat)) ** 2)
    swell = np.stack(swells).astype(np.float32)
    clicks: Wave = deep * (0.45 + 0.9 * swell) + spray * swell**2 * 0.85
    return clicks


def rain(count: int, chance: np.random.Generator) -> Samples:
    drops = placed_events(
        count, chance, per_second=70, make=lambda: 0.12 * ping(chance.uniform(1800, 5200), 0.02, decay=260)
    )
    return coloured(count, chance, 1200, 11000, slope=0.4) + drops


def wind(count: int, chance: np.random.Generator) -> Samples:
    low, high = coloured(count, chance, 90, 420, slope=1), coloured(count, chance, 380, 1100)
    gusts = wandering(count, chance, rate=0.7, low=0.25)
    return low * gusts + high * wandering(count, chance, rate=0.9) ** 2 * 0.7


def thunder(count: int, chance: np.random.Generator) -> Samples:
    rumble = coloured(count, chance, 25, 140, slope=1.5)
    level = np.zeros(count, np.float32)
    for at in (0.16, 0.55, 0.86):
        start = min(count - 1, round(at * count + 0.1 * SAMPLE_RATE))
        level[start:] += np.exp(-seconds(count - start) * 1.1) * (1 - np.exp(-seconds(count - start) * 30))
    return rumble * level * 3.2


def birds(count: int, chance: np.random.Generator) -> Samples:
    def song() -> Wave:
        pitch = chance.uniform(2300, 4600)
        notes = [
            ping(pitch * chance.uniform(0.85, 1.25), 0.09, decay=16, bend=chance.uniform(-0.5, 0.6)) for _ in range(4)
        ]
        return 0.2 * np.concatenate(notes)

    return coloured(count, chance, 300, 2500, slope=1) * 0.12 + placed_events(count, chance, per_second=1.5, make=song)


def crickets(count: int, chance: np.random.Generator) -> Samples:
    t, mix = seconds(count), np.zeros((2, count), np.float32)
    for number in range(4):
        chirp = np.maximum(0, np.sin(2 * np.pi * chance.uniform(17, 24) * t)) ** 2
        phrase = np.sin(2 * np.pi * chance.uniform(0.8, 1.5) * t + chance.uniform(0, 6)) > -0.2
        tone = np.sin(2 * np.pi * chance.uniform(3900, 4700) * t) * chirp * phrase
        mix[number % 2] += 0.1 * tone.astype(np.float32)
        mix[1 - number % 2] += 0.04 * tone.astype(np.float32)
    return mix


def stream(count: int, chance: np.random.Generator) -> Samples:
    gurgle = placed_events(
        count, chance, per_second=26, make=lambda: 0.14 * ping(chance.uniform(420, 1500), 0.06, decay=42, bend=0.35)
    )
    return coloured(count, chance, 350, 4200, slope=0.7) * 0.8 + gurgle


def fire(count: int, chance: np.random.Generator) -> Samples:
    crackle = placed_events(
        count, chance, per_second=16, make=lambda: chance.uniform(0.1, 0.5) * burst(chance, 0.02, decay=300)
    )
    return coloured(count, chance, 60, 420, slope=1) * 0.5 + crackle


def underwater(count: int, chance: np.random.Generator) -> Samples:
    bubbles = placed_events(
        count, chance, per_second=5, make=lambda: 0.2 * ping(chance.uniform(260, 700), 0.11, decay=22, bend=0.9)
    )
    return coloured(count, chance, 30, 260, slope=1) * wandering(count, chance, rate=0.4, low=0.6) + bubbles


# ---- Towns and rooms -------------------------------------------------------------------------------------------------


def traffic(count: int, chance: np.random.Generator) -> Samples:
    hum, tyres = coloured(count, chance, 40, 220, slope=1), coloured(count, chance, 300, 1800, slope=0.6)
    passing = np.stack([wandering(count, chance, rate=0.6) for _ in range(2)]) ** 2
    return hum * 0.8 + tyres * passing * 0.8


def horn(count: int, chance: np.random.Generator) -> Samples:
    def honk() -> Wave:
        length = chance.uniform(0.16, 0.45)
        t = seconds(round(length * SAMPLE_RATE))
        pitch = chance.uniform(330, 460)
        tone = sum(np.sin(2 * np.pi * pitch * step * t) / step for step in (1, 1.26, 2, 3, 4))
        edge = np.minimum(1, np.minimum(t, t[::-1]) * 60)
        sounded: Wave = (0.1 * tone * edge).astype(np.float32)
        return sounded

    return placed_events(count, chance, per_second=0.7, make=honk)


def murmur(count: int, chance: np.random.Generator) -> Samples:
    """Many voices at once, none of them understood."""
    mix = np.zeros((2, count), np.float32)
    for number in range(5):
        band = coloured(count, chance, 240 + 90 * number, 700 + 320 * number, slope=0.6)
        mix += band * wandering(count, chance, rate=3.6 + 0.5 * number) ** 2
    return mix * 0.55


def roar(count: int, chance: np.random.Generator) -> Samples:
    """A stadium: a wide crowd, with a clap in its rhythm."""
    crowd = coloured(count, chance, 300, 2600, slope=0.8) * wandering(count, chance, rate=0.5, low=0.55)
    return crowd + murmur(count, chance) * 0.6


def applause(count: int, chance: np.random.Generator) -> Samples:
    claps = placed_events(
        count, chance, per_second=90, make=lambda: chance.uniform(0.05, 0.2) * burst(chance, 0.03, decay=170, smooth=4)
    )
    return claps + coloured(count, chance, 700, 5000) * 0.25


def room(count: int, chance: np.random.Generator) -> Samples:
    return coloured(count, chance, 60, 900, slope=1.2) * 0.35


def sizzle(count: int, chance: np.random.Generator) -> Samples:
    hiss = coloured(count, chance, 2500, 9000) * wandering(count, chance, rate=3, low=0.5) * 0.6
    return hiss + placed_events(
        count, chance, per_second=3, make=lambda: 0.12 * ping(chance.uniform(1400, 2600), 0.2, decay=24)
    )


def typing(count: int, chance: np.random.Generator) -> Samples:
    keys = placed_events(
        count, chance, per_second=6, make=lambda: 0.2 * burst(chance, 0.02, decay=240, smooth=3), spread=0.3
    )
    return room(count, chance) + keys


def engine(count: int, chance: np.random.Generator) -> Samples:
    t = seconds(count)
    pitch = 62 * (1 + 0.25 * np.clip(t / 2, 0, 1)) * (1 + 0.02 * wandering(count, chance, rate=4))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    tone = sum(np.sin(step * phase + step) / step**0.8 for step in range(1, 9)).astype(np.float32)
    return 0.1 * np.stack([tone, np.roll(tone, 23)]) + coloured(count, chance, 120, 1400, slope=1) * 0.5


def rumble(count: int, chance: np.random.Generator) -> Samples:
    """A rocket, a train, a plane: deep and wide."""
    return coloured(count, chance, 28, 320, slope=0.8) * 1.5 + coloured(count, chance, 400, 3500, slope=1) * 0.5


def drone(count: int, chance: np.random.Generator) -> Samples:
    """The quiet of space."""
    t = seconds(count)
    left = sum(np.sin(2 * np.pi * hertz * t) / (1 + n) for n, hertz in enumerate((55, 82.6, 110.3, 164.2)))
    right = sum(np.sin(2 * np.pi * hertz * t + n) / (1 + n) for n, hertz in enumerate((55.3, 82.2, 110.0, 165.1)))
    return (0.09 * np.stack([left, right])).astype(np.float32) + coloured(count, chance, 200, 1500, slope=1) * 0.12


def footsteps(pace: float, surface: int) -> Noise:
    """Steps at so many a second; a larger `surface` is softer ground."""

    def noise(count: int, chance: np.random.Generator) -> Samples:
        mix = np.zeros((2, count), np.float32)
        for number in range(math.ceil(count / SAMPLE_RATE * pace)):
            start = round(number / pace * SAMPLE_RATE)
            step = burst(chance, 0.12, decay=42, smooth=surface) * 0.35 + np.pad(
                0.5 * ping(95, 0.08, decay=40), (0, round(0.12 * SAMPLE_RATE) - round(0.08 * SAMPLE_RATE))
            )
            _add(mix, step.astype(np.float32), start, 0.45 + 0.1 * (number % 2))
        return mix

    return noise


def bells(count: int, chance: np.random.Generator) -> Samples:
    def bell() -> Wave:
        pitch = chance.choice([523.3, 587.3, 659.3, 784.0])
        partials = [ping(pitch * ratio, 2.0, decay=2 + ratio) / np.float32(ratio) for ratio in (1, 2.0, 2.76, 5.4)]
        rung: Wave = 0.2 * np.sum(partials, axis=0)
        return rung

    return placed_events(count, chance, per_second=0.9, make=bell)


def heartbeat(count: int, chance: np.random.Generator) -> Samples:
    mix = np.zeros((2, count), np.float32)
    for number in range(math.ceil(count / SAMPLE_RATE * 1.2)):
        for delay, level in ((0, 0.9), (0.26, 0.6)):
            _add(mix, level * ping(58, 0.2, decay=20), round((number / 1.2 + delay) * SAMPLE_RATE), 0.5)
    return mix


NOISES: dict[str, Noise] = {
    "waves": waves,
    "rain": rain,
    "wind": wind,
    "thunder": thunder,
    "birds": birds,
    "crickets": crickets,
    "water": stream,
    "fire": fire,
    "underwater": underwater,
    "traffic": traffic,
    "horn": horn,
    "crowd": murmur,
    "roar": roar,
    "applause": applause,
    "room": room,
    "sizzle": sizzle,
    "typing": typing,
    "engine": engine,
    "rumble": rumble,
    "drone": drone,
    "bells": bells,
    "heartbeat": heartbeat,
    "footsteps": footsteps(STEPS_PER_SECOND["walk"], 5),
}
