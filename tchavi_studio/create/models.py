"""What somebody has put into the composer and not yet sent."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from tchavi_studio.workspaces.models import Workspace


class Draft(models.Model):
    """One person's composer in one workspace: the form's own fields and their values, as last seen.

    Kept on the server, not in the browser: it survives a reload, an expired session, a crash and a change of device,
    it holds references that only the workspace may see, and a shared computer keeps none of it. Of two tabs the last
    one written wins; each starts from it.
    """

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    values = models.JSONField(default=dict)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "user"], name="one_draft_per_person_and_workspace"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.workspace_id}"
