"""The API's addresses, mounted at `/v1/` and at `/api/v1/`."""

from django.urls import path, re_path

from .dispatcher import Operation, dispatcher
from .openapi import serve
from .operations import OPERATIONS

app_name = "api"

SERVED = (*OPERATIONS, Operation(method="GET", path="/openapi.json", handler=serve, is_public=True))


def _route(operation: Operation) -> str:
    """The operation's path in Django's syntax."""
    return operation.path.removeprefix("/").replace("{", "<str:").replace("}", ">")


urlpatterns = [
    *(
        path(route, dispatcher(operation for operation in SERVED if _route(operation) == route))
        for route in dict.fromkeys(map(_route, SERVED))
    ),
    # Unknown paths get a JSON 404 too.
    re_path(r"", dispatcher([])),
]
