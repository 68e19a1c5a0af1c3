from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tchavi_studio.assets.queries import storage_drifts
from tchavi_studio.assets.services import recount_storage


class Command(BaseCommand):
    help = (
        "Compare the bytes counted for each workspace and person with the sums over files. Exits with 1 if they differ."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--recount", action="store_true", help="correct the counts that are wrong, and say which")

    def handle(self, *args: Any, recount: bool, **options: Any) -> None:
        drifts = list(storage_drifts())
        for drift in drifts:
            whose = f"Workspace {drift.workspace_id}" + (f", person {drift.user_id}" if drift.user_id else "")
            self.stderr.write(f"{whose}: counted {drift.counted_bytes} bytes, stored {drift.summed_bytes}.")
        workspace_ids = {drift.workspace_id for drift in drifts}
        if drifts and not recount:
            raise CommandError(
                f"Storage isn't counted right: {len(workspace_ids)} workspaces. Correct it with --recount."
            )
        for workspace_id in workspace_ids:
            recount_storage(workspace_id=workspace_id)
        self.stdout.write("Storage is counted right." if not drifts else f"Recounted {len(workspace_ids)} workspaces.")
