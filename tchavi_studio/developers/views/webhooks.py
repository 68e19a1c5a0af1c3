"""The webhook pages, for members who manage the workspace."""

from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from tchavi_studio.developers.forms import EndpointForm, LogFilter
from tchavi_studio.refusals import UserFacingError
from tchavi_studio.webhooks import queries, services
from tchavi_studio.webhooks.models import (
    EVENT_FIELDS,
    MAX_ENDPOINTS_PER_WORKSPACE,
    DeliveryState,
    DisabledReason,
    WebhookDelivery,
    WebhookEndpoint,
)
from tchavi_studio.workspaces.access import WorkspaceRequest, workspace_view
from tchavi_studio.workspaces.models import Permission


def _endpoint_or_404(request: WorkspaceRequest, endpoint_id: UUID) -> WebhookEndpoint:
    try:
        return queries.endpoint_for_workspace(request.workspace, endpoint_id)
    except WebhookEndpoint.DoesNotExist:
        raise Http404 from None


def _delivery_or_404(request: WorkspaceRequest, endpoint_id: UUID, message_id: str) -> WebhookDelivery:
    try:
        return queries.delivery_for_workspace(request.workspace, endpoint_id, message_id)
    except WebhookDelivery.DoesNotExist:
        raise Http404 from None


def _redirect_to_endpoint(request: WorkspaceRequest, endpoint_id: UUID) -> HttpResponse:
    return redirect("developers:webhook", request.workspace.slug, endpoint_id)


# --- All endpoints ----------------------------------------------------------------------------------------------------


@require_safe
@workspace_view(can=Permission.MANAGE)
def endpoint_list(request: WorkspaceRequest) -> HttpResponse:
    """The workspace's webhooks, and a form to add one."""
    return _endpoint_list(request, EndpointForm(initial={"events": list(EVENT_FIELDS)}))


def _endpoint_list(request: WorkspaceRequest, form: EndpointForm, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    endpoints = list(queries.endpoints_for_workspace(request.workspace))
    context = {
        "endpoints": endpoints,
        "form": form,
        "can_add": len(endpoints) < MAX_ENDPOINTS_PER_WORKSPACE,
        "max_endpoints": MAX_ENDPOINTS_PER_WORKSPACE,
    }
    return render(request, "developers/webhooks/endpoints.html", context, status=status)


@require_POST
@workspace_view(can=Permission.MANAGE)
def add(request: WorkspaceRequest) -> HttpResponse:
    """Add a webhook and go to its page, which shows its secret."""
    form = EndpointForm(request.POST)
    if form.is_valid():
        try:
            endpoint = services.create_endpoint(
                workspace=request.workspace,
                creator=request.user,
                url=form.cleaned_data["url"],
                events=form.cleaned_data["events"],
            )
        except services.TooManyEndpointsError as error:
            form.add_error(None, error.message)
        else:
            messages.success(request, _("Webhook added. Give its secret to the receiver, then send a test."))
            return _redirect_to_endpoint(request, endpoint.pk)
    return _endpoint_list(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


# --- One endpoint -----------------------------------------------------------------------------------------------------


@require_safe
@workspace_view(can=Permission.MANAGE)
@never_cache
def endpoint_page(request: WorkspaceRequest, endpoint_id: UUID) -> HttpResponse:
    """One webhook: its secret, settings and message log."""
    endpoint = _endpoint_or_404(request, endpoint_id)
    return _endpoint_page(request, endpoint, EndpointForm(initial={"url": endpoint.url, "events": endpoint.events}))


def _endpoint_page(
    request: WorkspaceRequest, endpoint: WebhookEndpoint, form: EndpointForm, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    log_filter = LogFilter(request.GET)
    if not log_filter.is_valid():
        raise BadRequest("There is no such page.")
    context = {
        "endpoint": endpoint,
        "form": form,
        "log": queries.delivery_page(endpoint=endpoint, **log_filter.cleaned_data),
        "state": log_filter.cleaned_data["state"],
        "states": DeliveryState.choices,
    }
    return render(request, "developers/webhooks/endpoint.html", context, status=status)


@require_POST
@workspace_view(can=Permission.MANAGE)
@never_cache
def edit(request: WorkspaceRequest, endpoint_id: UUID) -> HttpResponse:
    """Save the URL and events."""
    endpoint = _endpoint_or_404(request, endpoint_id)
    form = EndpointForm(request.POST)
    if not form.is_valid():
        return _endpoint_page(request, endpoint, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    services.edit_endpoint(
        endpoint=endpoint, url=form.cleaned_data["url"], events=form.cleaned_data["events"], actor=request.user
    )
    messages.success(request, _("Webhook saved."))
    return _redirect_to_endpoint(request, endpoint_id)


@require_POST
@workspace_view(can=Permission.MANAGE)
def rotate(request: WorkspaceRequest, endpoint_id: UUID) -> HttpResponse:
    """Rotate the secret."""
    services.rotate_secret(endpoint=_endpoint_or_404(request, endpoint_id), actor=request.user)
    messages.success(request, _("Secret rotated. The old one keeps working for 24 hours."))
    return _redirect_to_endpoint(request, endpoint_id)


@require_POST
@workspace_view(can=Permission.MANAGE)
def enable(request: WorkspaceRequest, endpoint_id: UUID) -> HttpResponse:
    """Enable the webhook."""
    services.enable_endpoint(endpoint=_endpoint_or_404(request, endpoint_id), actor=request.user)
    messages.success(request, _("Webhook enabled. You can redeliver earlier failures from its log."))
    return _redirect_to_endpoint(request, endpoint_id)


@require_POST
@workspace_view(can=Permission.MANAGE)
def disable(request: WorkspaceRequest, endpoint_id: UUID) -> HttpResponse:
    """Disable the webhook."""
    services.disable_endpoint(
        endpoint=_endpoint_or_404(request, endpoint_id), reason=DisabledReason.BY_HAND, actor=request.user
    )
    messages.success(request, _("Webhook disabled. Nothing is sent to it until you enable it again."))
    return _redirect_to_endpoint(request, endpoint_id)


@require_POST
@workspace_view(can=Permission.MANAGE)
def delete(request: WorkspaceRequest, endpoint_id: UUID) -> HttpResponse:
    """Delete the webhook and its log."""
    services.delete_endpoint(endpoint=_endpoint_or_404(request, endpoint_id), actor=request.user)
    messages.success(request, _("Webhook and log deleted."))
    return redirect("developers:webhooks", request.workspace.slug)


@require_POST
@workspace_view(can=Permission.MANAGE)
def send_test(request: WorkspaceRequest, endpoint_id: UUID) -> HttpResponse:
    """Send a test message."""
    try:
        services.send_test_event(endpoint=_endpoint_or_404(request, endpoint_id))
    except (services.EndpointDisabledError, services.PendingTestError) as error:
        messages.error(request, error.message)
    else:
        messages.success(request, _("Sending a test. The log will show the result."))
    return _redirect_to_endpoint(request, endpoint_id)


# --- One message ------------------------------------------------------------------------------------------------------


@require_safe
@workspace_view(can=Permission.MANAGE)
def delivery_page(request: WorkspaceRequest, endpoint_id: UUID, message_id: str) -> HttpResponse:
    """One message: its payload and the result of each attempt."""
    delivery = _delivery_or_404(request, endpoint_id, message_id)
    return render(request, "developers/webhooks/delivery.html", {"delivery": delivery, "endpoint": delivery.endpoint})


@require_POST
@workspace_view(can=Permission.MANAGE)
def redeliver_message(request: WorkspaceRequest, endpoint_id: UUID, message_id: str) -> HttpResponse:
    """Redeliver a message."""
    try:
        services.redeliver(delivery=_delivery_or_404(request, endpoint_id, message_id))
    except UserFacingError as refusal:
        messages.error(request, refusal.message)
    else:
        messages.success(request, _("Sending the message again, with the same id."))
    return redirect("developers:message", request.workspace.slug, endpoint_id, message_id)
