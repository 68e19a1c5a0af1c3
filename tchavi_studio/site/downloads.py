"""Downloads that are written while they are read. Each keeps a thread of the server, so people have one at a time."""

from collections.abc import Iterator

from django.core.cache import cache
from django.http import StreamingHttpResponse
from django.utils import translation

from tchavi_studio.workspaces.models import User

MAX_SECONDS = 3600


def in_active_language(lines: Iterator[str]) -> Iterator[bytes]:
    """The lines in the language that is active now, which ends with the view, before they are written."""
    language = translation.get_language()

    def encoded() -> Iterator[bytes]:
        while True:
            with translation.override(language):
                line = next(lines, None)
            if line is None:
                return
            yield line.encode()

    return encoded()


def only_download(
    *, user: User, parts: Iterator[bytes], content_type: str, filename: str
) -> StreamingHttpResponse | None:
    """A file made of `parts`, or None while another one of this person is under way."""
    guard = f"export: user {user.pk}"
    if not cache.add(guard, "under way", MAX_SECONDS):
        return None

    def guarded() -> Iterator[bytes]:
        try:
            yield from parts
        finally:
            cache.delete(guard)

    return StreamingHttpResponse(
        guarded(),
        content_type=content_type,
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )
