"""Loudness as broadcasters measure it (ITU-R BS.1770-4), and mixes brought to one."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from tchavi_studio.engines.preview.sources import SAMPLE_RATE, Samples

TARGET_LUFS = -16.0
"""What web players and phones expect."""

MAX_PEAK = 0.8
"""-1.9 dB: the encoder and the speaker's filter may overshoot, and still stay below -1 dBTP."""

BLOCK_SECONDS, STEP_SECONDS = 0.4, 0.1
SILENCE_LUFS = -70.0


def loudness(samples: NDArray[np.floating]) -> float:
    """Integrated loudness in LUFS; `SILENCE_LUFS` for silence."""
    weighted = np.fft.irfft(np.fft.rfft(samples) * _weights(samples.shape[1]), samples.shape[1])
    power = np.concatenate([[0.0], np.cumsum(np.sum(weighted**2, axis=0))])
    block, step = round(BLOCK_SECONDS * SAMPLE_RATE), round(STEP_SECONDS * SAMPLE_RATE)
    starts = np.arange(0, max(1, samples.shape[1] - block + 1), step)
    means = (power[np.minimum(starts + block, samples.shape[1])] - power[starts]) / block
    loud = means[_lufs(means) > SILENCE_LUFS]
    if not loud.size:
        return SILENCE_LUFS
    kept = loud[_lufs(loud) > _lufs(loud.mean()) - 10]
    return float(_lufs(kept.mean()))


def levelled(mix: Samples) -> Samples:
    """The mix at the target loudness, its peaks bent under the limit; silence stays silent."""
    result = mix
    for _ in range(2):
        now = loudness(result)
        if now <= SILENCE_LUFS:
            return result
        mix = mix * np.float32(10 ** ((TARGET_LUFS - now) / 20))
        result = limited(mix)
    return result


def limited(mix: Samples) -> Samples:
    """Leaves quiet passages untouched and bends what is above half the limit softly under it."""
    knee = np.float32(0.5 * MAX_PEAK)
    room = np.float32(MAX_PEAK) - knee
    over = np.abs(mix) - knee
    bent = knee + room * np.tanh(np.maximum(over, 0) / room)
    return np.where(over > 0, np.sign(mix) * bent, mix).astype(np.float32)


def _lufs(power: NDArray[np.float64] | np.float64) -> NDArray[np.float64]:
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(power, 1e-12)))


@cache
def _weights(count: int) -> NDArray[np.float64]:
    """The gain of BS.1770's two filters at each frequency of a transform: a shelf for the head, a high pass."""
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(count))
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    high_pass = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    return np.asarray(np.abs(shelf * high_pass))
