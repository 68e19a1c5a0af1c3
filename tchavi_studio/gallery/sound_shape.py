"""A sound drawn as bars: where a picture would be, or under a clip's player."""

from dataclasses import dataclass

from tchavi_studio.assets.models import Asset

BAR_COUNT = 16
"""As many bars as a chip 72 pixels wide has room for."""
STEP = 6
"""From one bar to the next."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar of a drawn sound, in a view box 100 high; 16 of them fill its width of 100."""

    x: int
    y: int
    height: int


def bars_of(asset: Asset, *, count: int = BAR_COUNT) -> list[Bar]:
    """The bars that draw a file's sound, each as high as the loudest moment of its part."""
    peaks = asset.peaks or [0]
    step = len(peaks) / count
    loudest = [max(peaks[int(n * step) : max(int((n + 1) * step), int(n * step) + 1)]) for n in range(count)]
    heights = [max(8, round(peak * 0.6)) for peak in loudest]
    return [Bar(x=n * STEP + 3, y=50 - height // 2, height=height) for n, height in enumerate(heights)]


@dataclass(frozen=True, kw_only=True)
class SoundShape:
    """A clip's sound as one path in a view box `width` wide and 100 high: bars, or a line if nothing is heard."""

    is_heard: bool
    width: int
    path: str


def shape_of(output: Asset) -> SoundShape:
    """What the player draws of a clip's sound, as far as it was measured."""
    count = len(output.peaks)
    if not any(output.peaks):
        return SoundShape(is_heard=False, width=100, path="M0 50H100")
    bars = (f"M{bar.x} {bar.y}v{bar.height}" for bar in bars_of(output, count=count))
    return SoundShape(is_heard=True, width=count * STEP, path="".join(bars))
