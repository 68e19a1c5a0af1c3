"""What a downloaded clip is called."""

from django.utils.text import slugify

from tchavi_studio.generations.models import Generation

MAX_WORDS_LENGTH = 60


def clip_file_name(clip: Generation) -> str:
    """A name after the clip's prompt, and its own among those of equal prompts."""
    return f"{_words(clip.prompt)}-{clip.pk.hex[:8]}.mp4"


def _words(prompt: str) -> str:
    """As many whole words of the prompt as fit in a file name; "clip" if it has no Latin letters."""
    words = slugify(prompt)
    if len(words) > MAX_WORDS_LENGTH:
        words = words[: MAX_WORDS_LENGTH + 1].rpartition("-")[0] or words[:MAX_WORDS_LENGTH]
    return words or "clip"
