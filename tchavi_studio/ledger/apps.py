from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_save


class LedgerConfig(AppConfig):
    name = "tchavi_studio.ledger"

    def ready(self) -> None:
        from tchavi_studio.workspaces.models import Membership

        from . import append_only  # noqa: F401  # has the system check watch over the transfers
        from .services import open_member_limit

        def count_new_member(*, instance: Membership, created: bool, raw: bool, **signal: Any) -> None:
            if created and not raw:
                open_member_limit(workspace=instance.workspace, user=instance.user)

        post_save.connect(count_new_member, sender=Membership, weak=False, dispatch_uid="ledger.count_new_member")
