"""The API's addresses, mounted at `/v1/` and at `/api/v1/`."""

from django.urls import path, re_path

from . import openapi, views
from .door import Endpoint, door
from .models import Scope

app_name = "api"
urlpatterns = [
    path("videos/generations", door(post=Endpoint(handler=views.create_generation, scope=Scope.GENERATE))),
    path("videos/quote", door(post=Endpoint(handler=views.quote_generation, scope=Scope.GENERATE))),
    path("jobs", door(get=Endpoint(handler=views.list_jobs))),
    path(
        "jobs/<str:job_id>",
        door(
            get=Endpoint(handler=views.retrieve_job),
            delete=Endpoint(handler=views.cancel_job, scope=Scope.GENERATE),
        ),
    ),
    path("files", door(post=Endpoint(handler=views.upload_file, scope=Scope.GENERATE))),
    path("credits", door(get=Endpoint(handler=views.read_credits))),
    path("models", door(get=Endpoint(handler=views.list_models))),
    path("openapi.json", door(get=Endpoint(handler=openapi.serve, is_public=True))),
    # Everything else is answered here too, as JSON: no page of the studio begins with this path.
    re_path(r"", door()),
]
