"""The real `/v1` on a real socket, served by this process; tests do the rendering."""

import io
import json
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl
from uuid import UUID, uuid4

from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer
from django.db import connections
from django.test.testcases import QuietWSGIRequestHandler

from tchavi_studio.api.services import create_key
from tchavi_studio.generations import lifecycle, services
from tchavi_studio.generations.models import OPEN_STATES, Generation
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.records import public_job_id
from tchavi_studio.runtime.leases import Claim
from tchavi_studio.workspaces.models import User, Workspace
from tests.conftest import make_person
from tests.generations.conftest import make_params

REFUSAL = ("content_policy", "The prompt was refused by the model.")


@dataclass(frozen=True, kw_only=True)
class Request:
    """A received request; `path` is relative to `/v1`, header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


class _Handler(QuietWSGIRequestHandler):
    disable_nagle_algorithm = True


class LiveApi:
    """The studio's WSGI application on its own port, and a new person with an API key and the sign-up credits.

    Each request is served by a thread with its own connection, so the database needs real transactions. `work` finishes
    clips through the real lifecycle: a prompt with `[fail]` fails, any other gets the video `clip`.
    """

    def __init__(self, clip: Path) -> None:
        self.requests: list[Request] = []
        self.statuses: list[int] = []
        self._is_working = True
        self._step_lock = threading.Lock()
        self.clip = clip.read_bytes()
        self._clip_path = clip
        self._claims: dict[UUID, Claim[Generation]] = {}
        self._application = WSGIHandler()
        self._server = ThreadedWSGIServer(("127.0.0.1", 0), _Handler)
        # So that closing the server waits for its threads, and none outlives its database.
        self._server.daemon_threads = False
        self._server.set_app(self._recorded)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.base_url = f"{self.origin}/v1"
        self.person: User = make_person(f"Awa-{uuid4().hex[:8]}")
        self.workspace = Workspace.objects.get(memberships__user=self.person)
        self.api_key, self.key_id = self.new_key()

    def new_key(self, **facts: Any) -> tuple[str, UUID]:
        """Create another key for the person; returns the key and its row's id."""
        created = create_key(workspace=self.workspace, user=self.person, name="Test", **facts)
        return created.key, created.row.pk

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    # --- Received requests --------------------------------------------------------------------------------------------

    def _recorded(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        content = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(content)
        headers = {name[5:].replace("_", "-").lower(): text for name, text in environ.items() if name[:5] == "HTTP_"}
        self.requests.append(
            Request(
                method=environ["REQUEST_METHOD"],
                path=environ["PATH_INFO"].removeprefix("/v1"),
                query=dict(parse_qsl(environ["QUERY_STRING"])),
                headers=headers,
                content=content,
            )
        )

        def noted(status: str, *more: Any) -> Any:
            self.statuses.append(int(status[:3]))
            return start_response(status, *more)

        return self._application(environ, noted)

    def paths(self) -> list[str]:
        """Method and path of each request; signed media paths are shortened to `media`."""
        return [
            f"{request.method} {'media' if request.path.startswith('/media/') else request.path}"
            for request in self.requests
        ]

    # --- Jobs ---------------------------------------------------------------------------------------------------------

    def add_job(self, *, key_id: UUID | None = None, is_test: bool = False, **params: Any) -> str:
        """Add a job as if requested with the key; returns its public id."""
        started = services.start_generation(
            Order(
                workspace=self.workspace,
                creator=self.person,
                params=make_params(**params),
                submission_id=uuid4(),
                key_id=key_id or self.key_id,
                is_test=is_test,
            )
        )
        return public_job_id(started.generations[0].pk)

    def complete(self, job_id: str) -> None:
        self.begin()
        self._finish(self._claims.pop(UUID(job_id.removeprefix("job_"))))

    def fail(self, job_id: str) -> None:
        code, message = REFUSAL
        assert lifecycle.fail_generation(UUID(job_id.removeprefix("job_")), code=code, message=message)

    @property
    def is_working(self) -> bool:
        """Whether `work` does anything. After this is set to False, no step is under way any more."""
        return self._is_working

    @is_working.setter
    def is_working(self, value: bool) -> None:
        with self._step_lock:
            self._is_working = value

    def begin(self) -> None:
        """Start all waiting clips."""
        while (claim := lifecycle.claim_next_render()) is not None:
            self._claims[claim.pk] = claim

    def work(self) -> None:
        """One step: finish the clips in progress, or start the waiting ones if there are none."""
        with self._step_lock:
            if self._is_working:
                self._work()

    def _work(self) -> None:
        ours = Generation.objects.filter(workspace=self.workspace, state__in=OPEN_STATES, pk__in=list(self._claims))
        begun = list(ours.only("prompt"))
        for generation in begun:
            claim = self._claims.pop(generation.pk)
            if "[fail]" in generation.prompt:
                self.fail(public_job_id(generation.pk))
            else:
                self._finish(claim)
        if not begun:
            self.begin()

    def _finish(self, claim: Claim[Generation]) -> None:
        path = self._clip_path.with_name(f"{uuid4()}.mp4")
        shutil.copyfile(self._clip_path, path)
        assert lifecycle.finish_generation(claim, path=path)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Call `work` in the background."""
        stopped = threading.Event()

        def work_on() -> None:
            try:
                while not stopped.wait(0.05):
                    self.work()
            finally:
                connections.close_all()

        thread = threading.Thread(target=work_on)
        thread.start()
        try:
            yield
        finally:
            stopped.set()
            thread.join()
