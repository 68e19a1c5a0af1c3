"""The operations of `/v1`: `urls.py` routes by this table, and `openapi.py` describes it."""

from django.utils.translation import gettext_lazy as _

from . import parameters, views
from .dispatcher import Operation
from .models import Scope

OPERATIONS = (
    Operation(
        method="POST",
        path="/videos/generations",
        handler=views.create_generation,
        status=202,
        scope=Scope.GENERATE,
        parameters=(parameters.IDEMPOTENCY_KEY, parameters.PREFER),
        content_type="application/json",
        errors=(402, 409, 422),
        links=("retrieveJob", "cancelJob"),
        tag="videos",
        summary=_("Generate a clip"),
        description=_(
            "Checks the whole request, charges its price and queues the job. A request that is refused costs nothing, "
            "and a job that fails is refunded in full automatically."
        ),
        success=_("Accepted and charged."),
    ),
    Operation(
        method="POST",
        path="/videos/quote",
        handler=views.quote_generation,
        scope=Scope.GENERATE,
        content_type="application/json",
        tag="videos",
        summary=_("Get the price"),
        description=_(
            "Takes the same body, creates nothing and costs nothing. The answer is the price with warnings and hints, "
            "or every problem at once."
        ),
        success=_("The request is valid."),
    ),
    Operation(
        method="GET",
        path="/jobs",
        handler=views.list_jobs,
        parameters=(parameters.STATUS, parameters.limit(_("How many jobs.")), parameters.OFFSET, parameters.AFTER),
        errors=(404,),
        tag="jobs",
        summary=_("List jobs"),
        description=_("The jobs that this key started, newest first."),
        success=_("One page of jobs."),
    ),
    Operation(
        method="GET",
        path="/jobs/{id}",
        handler=views.retrieve_job,
        parameters=(parameters.JOB_ID, parameters.PREFER),
        tag="jobs",
        summary=_("Get a job"),
        description=_("Each answer for a completed job has a new link to the clip, which works without a key."),
        success=_("The job."),
    ),
    Operation(
        method="DELETE",
        path="/jobs/{id}",
        handler=views.cancel_job,
        scope=Scope.GENERATE,
        parameters=(parameters.JOB_ID,),
        errors=(409,),
        tag="jobs",
        summary=_("Cancel a job"),
        description=_(
            "Possible while the job is pending; it is refunded in full. Once work on it has begun it can't be stopped, "
            "and the answer is 409."
        ),
        success=_("The job, cancelled and refunded."),
    ),
    Operation(
        method="POST",
        path="/files",
        handler=views.upload_file,
        status=201,
        scope=Scope.GENERATE,
        content_type="multipart/form-data",
        max_file_bytes=views.MAX_UPLOAD_BYTES,
        tag="files",
        summary=_("Upload a reference"),
        description=_(
            "Photos (JPEG, PNG, WebP, BMP, TIFF, GIF, HEIC), videos (MP4, MOV) and audio (WAV, MP3). The url in the "
            "answer goes wherever a request takes a URL."
        ),
        success=_("Stored."),
    ),
    Operation(
        method="GET",
        path="/credits",
        handler=views.read_credits,
        parameters=(parameters.limit(_("How many transfers.")), parameters.BEFORE),
        tag="account",
        summary=_("Get the balance and the statement"),
        success=_("The workspace's balance, and the transfers that led to it."),
    ),
    Operation(
        method="GET",
        path="/models",
        handler=views.list_models,
        tag="account",
        summary=_("List models"),
        description=_("What each model takes, what it costs and what it does best."),
        success=_("All models."),
    ),
)
