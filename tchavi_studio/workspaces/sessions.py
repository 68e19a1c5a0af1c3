"""Django's sessions in the database, with whose they are and from where: people see theirs, and can end them."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions import middleware
from django.contrib.sessions.backends import db
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from tchavi_studio.outages import unless_outage

from .addresses import client_address
from .models import DEVICE_MAX_LENGTH, Session

SEEN_RESOLUTION = timedelta(minutes=1)
"""How exactly it is known when a session was last used: most requests need no write."""


class SessionStore(db.SessionStore):
    """`address` and `device` are set before the session is saved or noted.

    A view whose request nobody made on purpose sets `counts_as_use` to False.
    """

    address: str | None = None
    device: str = ""
    seen_at: datetime | None = None
    counts_as_use = True

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _get_session_from_db(self) -> Session | None:
        row: Session | None = super()._get_session_from_db()  # type: ignore[misc]  # missing in django-stubs
        self.seen_at = row.seen_at if row else None
        return row

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = super().create_model_instance(data)
        assert isinstance(row, Session)
        row.user_id, row.address, row.device = data.get(SESSION_KEY), self.address, self.device
        return row

    @property
    def is_due(self) -> bool:
        """Whether to note that the session is in use."""
        return self.counts_as_use and self.seen_at is not None and self.seen_at <= timezone.now() - SEEN_RESOLUTION

    def note_use(self) -> None:
        """Note that the session is in use, by whom and from where."""
        assert self.seen_at is not None
        Session.objects.filter(pk=self.session_key, seen_at=self.seen_at).update(
            seen_at=timezone.now(), user=self.get(SESSION_KEY), address=self.address, device=self.device
        )


class SessionMiddleware(middleware.SessionMiddleware):
    """Django's, which also notes from where a session is used."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        session = request.session
        assert isinstance(session, SessionStore)
        is_noted = session.accessed and session.is_due and not session.modified
        if session.modified or is_noted:
            session.address = client_address(request)
            session.device = request.headers.get("User-Agent", "")[:DEVICE_MAX_LENGTH]
        answer = super().process_response(request, response)
        if is_noted:
            # A page that only reads must not fail because the database can't be written to.
            with unless_outage():
                session.note_use()
        return answer
