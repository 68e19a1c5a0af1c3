"""The shape of a sound, from its frames."""

import av
import numpy as np

from tchavi_studio.assets.probe_audio import SoundShape


def frame(level: int, *, rate: int, layout: str = "mono") -> av.AudioFrame:
    """A tenth of a second of sound that is equally loud all the time."""
    channels = 1 if layout == "mono" else 2
    samples = np.full((1, rate // 10 * channels), level, dtype=np.int16)
    made = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
    made.rate = rate
    return made


def test_the_loudest_part_is_100() -> None:
    shape = SoundShape()
    for level in (2_000, 8_000, -4_000, 0):
        shape.add(frame(level, rate=8_000))
    assert shape.peaks(4) == [25, 100, 50, 0]


def test_a_stream_may_change_its_format() -> None:
    shape = SoundShape()
    shape.add(frame(8_000, rate=8_000))
    shape.add(frame(4_000, rate=8_000, layout="stereo"))
    shape.add(frame(2_000, rate=8_000))
    assert shape.peaks(3) == [100, 50, 25]


def test_silence_is_flat_and_no_sound_has_no_shape() -> None:
    shape = SoundShape()
    assert shape.peaks(4) == []
    shape.add(frame(0, rate=8_000))
    assert shape.peaks(4) == [0, 0, 0, 0]
