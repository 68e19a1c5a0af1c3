from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tchavi_studio.assets.queries import storage_drifts
from tchavi_studio.assets.services import recount_storage


class Command(BaseCommand):
    help = "Compare the bytes counted for each workspace with the sum over its files. Exits with 1 if they differ."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--recount", action="store_true", help="correct the counts that are wrong, and say which")

    def handle(self, *args: Any, recount: bool, **options: Any) -> None:
        drifts = list(storage_drifts())
        for drift in drifts:
            self.stderr.write(
                f"Workspace {drift.workspace_id}: counted {drift.counted_bytes} bytes, stored {drift.summed_bytes}."
            )
            if recount:
                recount_storage(workspace_id=drift.workspace_id)
        if drifts and not recount:
            raise CommandError(f"Storage isn't counted right: {len(drifts)} workspaces. Correct it with --recount.")
        self.stdout.write("Storage is counted right." if not drifts else f"Recounted {len(drifts)} workspaces.")
