"""What a prompt sounds like."""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from tchavi_studio.engines.preview.chance import random_generator
from tchavi_studio.engines.preview.drawing import setting_of
from tchavi_studio.engines.preview.drawing.scenery import SETTINGS
from tchavi_studio.engines.preview.script import read_prompt
from tchavi_studio.engines.preview.script.lexicon import TABLES, rows_of
from tchavi_studio.engines.preview.script.shotlist import Field
from tchavi_studio.engines.preview.sound.loudness import loudness
from tchavi_studio.engines.preview.sound.music import STYLES
from tchavi_studio.engines.preview.sound.noises import NOISES
from tchavi_studio.engines.preview.sound.soundtrack import (
    SETTING_SOUNDS,
    SUBJECT_SOUNDS,
    WEATHER_SOUNDS,
    compose_soundtrack,
    sounds_of,
)
from tchavi_studio.engines.preview.sources import SAMPLE_RATE, Samples


@cache
def soundtrack(prompt: str, *, seconds: int = 3, seed: int = 1) -> Samples:
    script = read_prompt(prompt, duration_seconds=seconds)
    return compose_soundtrack(
        script,
        [setting_of(shot) for shot in script.shots],
        sample_count=seconds * SAMPLE_RATE,
        given=(),
        chance=random_generator(prompt=prompt, seed=seed, purpose="soundtrack"),
    )


def true_peak(samples: Samples) -> float:
    """The highest level between the samples, too: four times as many of them."""
    count = samples.shape[1]
    spectrum = np.pad(np.fft.rfft(samples), ((0, 0), (0, 3 * count // 2)))
    return float(np.abs(np.fft.irfft(spectrum, 4 * count) * 4).max())


def bands(samples: Samples) -> NDArray[np.float64]:
    """How the power is spread over octaves from 63 Hz to 16 kHz."""
    power = np.abs(np.fft.rfft(samples.mean(axis=0))) ** 2
    hertz = np.fft.rfftfreq(samples.shape[1], 1 / SAMPLE_RATE)
    edges = 44.2 * 2.0 ** np.arange(10)
    found = np.array([power[(hertz >= low) & (hertz < 2 * low)].sum() for low in edges[:-1]])
    shares: NDArray[np.float64] = found / found.sum()
    return shares


@pytest.mark.parametrize(
    "prompt", ["The sea", "A market, joyful", "A storm, tense drums", 'A man says: "Good morning to you all."', "A cup"]
)
def test_every_soundtrack_is_as_loud_as_players_expect(prompt: str) -> None:
    samples = soundtrack(prompt)
    assert loudness(samples) == pytest.approx(-16, abs=1)
    assert true_peak(samples) < 10 ** (-1 / 20)
    assert np.abs(samples[:, :20]).max() < 0.01 > np.abs(samples[:, -20:]).max()


def test_loudness_is_measured_as_the_standard_says() -> None:
    """A full-scale sine of 997 Hz in one channel measures -3.01 LUFS (BS.1770-4), in both channels 3 dB more."""
    t = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    sine = np.sin(2 * np.pi * 997 * t).astype(np.float32)
    assert loudness(np.stack([sine, 0 * sine])) == pytest.approx(-3.01, abs=0.05)
    assert loudness(np.stack([sine, sine]) / 10) == pytest.approx(-20, abs=0.05)


def test_sound_words_differ_in_their_spectrum() -> None:
    words = {
        "waves": "sound of waves",
        "rain": "sound of rain",
        "wind": "wind howls",
        "crickets": "crickets",
        "engine": "engine roar",
        "fire": "crackling fire",
        "heartbeat": "heartbeat",
    }
    spread = {name: bands(soundtrack(f"{word}, no music")) for name, word in words.items()}
    for name, one in spread.items():
        for other_name, other in spread.items():
            assert name == other_name or float(np.abs(one - other).sum()) > 0.25, (name, other_name)
    assert spread["crickets"][6] > 0.5  # 2.8 to 5.7 kHz
    assert spread["heartbeat"][:2].sum() > 0.9
    assert spread["rain"][5:].sum() > 0.6
    assert spread["wind"][2:5].sum() > 0.55


def test_silence_is_silent_and_no_music_has_none() -> None:
    assert float(np.abs(soundtrack("A forest, silence")).max()) == 0
    with_music, without = bands(soundtrack("A desert, music")), bands(soundtrack("A desert, no music"))
    assert float(np.abs(with_music - without).sum()) > 0.2


@pytest.mark.parametrize(("action", "per_second"), [("walks", 1.9), ("runs", 2.9)])
def test_steps_fall_in_the_rhythm_of_the_walk(action: str, per_second: float) -> None:
    samples = soundtrack(f"A man {action} in a studio, no music", seconds=4).mean(axis=0)
    level = np.abs(samples).reshape(-1, 480).max(axis=1)
    spectrum = np.abs(np.fft.rfft((level - level.mean()) * np.hanning(level.size), 8 * level.size))
    hertz = np.fft.rfftfreq(8 * level.size, 0.01)
    heard = (hertz > 1) & (hertz < 3.6)
    assert float(hertz[heard][spectrum[heard].argmax()]) == pytest.approx(per_second, abs=0.15)


def test_a_line_is_murmured_when_it_is_said_and_at_its_speakers_pitch() -> None:
    def pitch(speaker: str) -> float:
        prompt = f'A {speaker} in a studio says: "Good morning to you, my friends." No music'
        script = read_prompt(prompt, duration_seconds=4)
        (line,) = script.shots[0].lines
        samples = soundtrack(prompt, seconds=4).mean(axis=0)
        spoken = samples[round(line.start_seconds * SAMPLE_RATE) :][: round(line.duration_seconds * SAMPLE_RATE)]
        assert float(np.abs(spoken).max()) > 20 * float(np.abs(samples[: round(0.25 * SAMPLE_RATE)]).max())
        # The period at which the voice is most like itself.
        cut = spoken[4800 : 4800 + 24_000]
        like = np.fft.irfft(np.abs(np.fft.rfft(cut, 48_000)) ** 2)
        lags = slice(SAMPLE_RATE // 400, SAMPLE_RATE // 80)
        return SAMPLE_RATE / (lags.start + int(like[lags].argmax()))

    man, woman, child = (pitch(speaker) for speaker in ("man", "woman", "child"))
    assert 95 < man < 140 < 170 < woman < 250 < child < 350


def test_sounds_change_with_the_shot() -> None:
    samples = soundtrack("The sea, no music. Then a kitchen.", seconds=4)
    first, second = bands(samples[:, : 3 * SAMPLE_RATE // 2]), bands(samples[:, 5 * SAMPLE_RATE // 2 :])
    assert float(np.abs(first - second).sum()) > 0.8


def test_it_is_stereo_and_repeats_itself() -> None:
    samples = soundtrack("A market")
    assert float(np.abs(samples[0] - samples[1]).max()) > 0.05
    assert samples.tobytes() == soundtrack.__wrapped__("A market").tobytes()
    assert samples.tobytes() != soundtrack("A market", seed=2).tobytes()


def test_all_that_can_be_asked_for_can_be_heard() -> None:
    def meanings(field: Field) -> set[str]:
        return {meaning for meaning, _ in rows_of(TABLES[field])}

    music = {"music", "piano", "drums", "strings", "electronic", "guitar", "silence", "no music"}
    assert meanings(Field.SOUND) <= NOISES.keys() | music
    assert SETTING_SOUNDS.keys() == SETTINGS.keys()
    assert meanings(Field.MOOD) == STYLES.keys() - {""}
    named = {name for names in (*SETTING_SOUNDS.values(), *WEATHER_SOUNDS.values()) for name in names}
    assert named | set(SUBJECT_SOUNDS.values()) <= NOISES.keys()


def test_what_the_words_ask_for_is_loudest() -> None:
    shot = read_prompt("A car on a lagoon at night in the rain, applause", duration_seconds=5).shots[0]
    assert sounds_of(shot, "lagoon") == {"water": 0.5, "crickets": 0.5, "rain": 0.8, "engine": 0.7, "applause": 1.0}
