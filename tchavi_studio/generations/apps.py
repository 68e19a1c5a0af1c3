from django.apps import AppConfig
from django.db.models.signals import post_delete, pre_delete


class GenerationsConfig(AppConfig):
    name = "tchavi_studio.generations"

    def ready(self) -> None:
        from tchavi_studio.assets.models import Asset
        from tchavi_studio.workspaces.models import Membership
        from tchavi_studio.workspaces.signals import account_deleted, workspace_archived

        from .approvals import end_requests_of_member, end_requests_of_workspace, end_requests_with_file
        from .books import watch_deletions
        from .library import checks  # noqa: F401  # registers itself
        from .organising import bulk  # noqa: F401  # registers its acts on many clips
        from .organising.marks import delete_marks_of_person
        from .price_versions import checks as price_checks  # noqa: F401  # registers itself

        watch_deletions()
        post_delete.connect(
            end_requests_of_member, sender=Membership, dispatch_uid="generations.end_requests_of_member"
        )
        pre_delete.connect(end_requests_with_file, sender=Asset, dispatch_uid="generations.end_requests_with_file")
        workspace_archived.connect(end_requests_of_workspace, dispatch_uid="generations.end_requests_of_workspace")
        account_deleted.connect(delete_marks_of_person, dispatch_uid="generations.delete_marks_of_person")
