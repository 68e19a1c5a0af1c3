"""A sound drawn as bars, where a picture would be."""

from dataclasses import dataclass

from tchavi_studio.assets.models import Asset

BAR_COUNT = 16
"""As many bars as a chip 72 pixels wide has room for."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One bar of a drawn sound, in a view box of 100 × 100."""

    x: int
    y: int
    height: int


def bars_of(asset: Asset) -> list[Bar]:
    """The bars of an audio file, each as high as the loudest moment of its part."""
    peaks = asset.peaks or [0]
    step = len(peaks) / BAR_COUNT
    loudest = [max(peaks[int(n * step) : max(int((n + 1) * step), int(n * step) + 1)]) for n in range(BAR_COUNT)]
    heights = [max(8, round(peak * 0.6)) for peak in loudest]
    return [Bar(x=n * 6 + 3, y=50 - height // 2, height=height) for n, height in enumerate(heights)]
