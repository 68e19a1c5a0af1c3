"""Email to the people who manage a workspace's webhooks."""

import logging
from uuid import UUID

from django.core.mail import EmailMessage, get_connection
from django.urls import reverse
from django.utils.translation import gettext as _

from tchavi_studio.workspaces.addresses import public_origin
from tchavi_studio.workspaces.models import Permission, User
from tchavi_studio.workspaces.roles import ROLE_PERMISSIONS

from .models import DisabledReason, WebhookEndpoint

logger = logging.getLogger(__name__)

MAIL_TIMEOUT_SECONDS = 10


def email_disabled_endpoint(endpoint_id: UUID) -> None:
    """Email the workspace's owners and admins that an endpoint was disabled, and why.

    A failing mail server raises nothing: the webhook's page says the same.
    """
    endpoint = WebhookEndpoint.objects.select_related("workspace").get(pk=endpoint_id)
    managing = [role for role, permissions in ROLE_PERMISSIONS.items() if Permission.MANAGE in permissions]
    managers = User.objects.filter(
        is_active=True, memberships__workspace=endpoint.workspace, memberships__role__in=managing
    ).distinct()
    path = reverse("developers:webhook", args=[endpoint.workspace.slug, endpoint.pk])
    message = EmailMessage(
        subject=_("A webhook in %(workspace)s was disabled") % {"workspace": " ".join(endpoint.workspace.name.split())},
        body="\n\n".join(
            [
                _("The studio no longer sends messages to %(url)s.") % {"url": endpoint.url},
                str(DisabledReason(endpoint.disabled_reason).label),
                _("Your clips and credits aren't affected. Once the receiver works again, enable the webhook here:")
                + f"\n{public_origin()}{path}",
            ]
        ),
        bcc=[manager.email for manager in managers],
        connection=get_connection(timeout=MAIL_TIMEOUT_SECONDS),
    )
    try:
        message.send()
    except OSError:  # the base class of smtplib's errors
        logger.warning("Couldn't email the notice about webhook %s.", endpoint.pk, exc_info=True)
