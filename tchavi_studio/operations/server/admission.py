"""How large a body may be, judged by the header: before any of it is read, and long before CSRF checks and views."""

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections
from django.urls import Resolver404, ResolverMatch, resolve

from tchavi_studio.workspaces.access import FileRule

from .wsgi import Environ, without_body


def max_form_bytes() -> int:
    """The largest body that any address takes from anybody."""
    size: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return size


class Files:
    """The files that a request wants to send to an address that takes files."""

    def __init__(self, environ: Environ, match: ResolverMatch, rule: FileRule) -> None:
        self.max_bytes = max(rule.max_bytes, max_form_bytes())
        self._environ, self._match, self._rule = environ, match, rule

    def may_send(self) -> bool:
        """Whether its sender may send files there. Asks the database. Raises django.db.Error."""
        return self._rule.may_send(WSGIRequest(without_body(self._environ)), **self._match.kwargs)

    def judge(self) -> bool:
        """The same in a thread of its own, whose connections Django would look after if this were a request."""
        close_old_connections()
        try:
            return self.may_send()
        finally:
            close_old_connections()


def files_at(environ: Environ) -> Files | None:
    """The files for this address. None if it takes none."""
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    try:
        match = resolve(path)
    except Resolver404:
        return None
    rule = getattr(match.func, "file_rule", None)
    return Files(environ, match, rule) if rule else None
