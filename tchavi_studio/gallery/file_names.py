"""What a downloaded clip is called."""

from django.utils.text import slugify

from tchavi_studio.assets.models import Asset
from tchavi_studio.generations.models import Generation

MAX_WORDS_LENGTH = 60


def clip_file_name(clip: Generation) -> str:
    """A name after the clip's prompt, and its own among those of equal prompts."""
    return f"{_words(clip.prompt)}-{clip.pk.hex[:8]}.mp4"


def frame_file_name(clip: Generation, output: Asset, *, at_seconds: float | None) -> str:
    """The same for one of its frames, with the frame's place as the player shows it: "dawn-1a2b3c4d-0-03-08.png"."""
    timecode = output.timecode_at(at_seconds).replace(":", "-").replace(".", "-")
    return f"{_words(clip.prompt)}-{clip.pk.hex[:8]}-{timecode}.png"


def _words(prompt: str) -> str:
    """As many whole words of the prompt as fit in a file name; "clip" if it has no Latin letters."""
    words = slugify(prompt)
    if len(words) > MAX_WORDS_LENGTH:
        words = words[: MAX_WORDS_LENGTH + 1].rpartition("-")[0] or words[:MAX_WORDS_LENGTH]
    return words or "clip"
