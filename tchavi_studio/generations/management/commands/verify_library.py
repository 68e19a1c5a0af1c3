from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tchavi_studio.generations.library.verification import (
    differing_entries,
    differing_months,
    repair_entry,
    repair_months,
)


class Command(BaseCommand):
    help = "Compare the gallery's index with the clips, and its months with the index. Exits with 1 if they differ."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repair", action="store_true", help="make what is wrong anew, and say what that was")

    def handle(self, *args: Any, repair: bool, **options: Any) -> None:
        count = 0
        for difference in differing_entries():
            count += 1
            what = f"wrong {', '.join(difference.fields)}" if difference.fields else "no entry"
            self.stderr.write(f"Clip {difference.clip_id}: {what}.")
            if repair:
                repair_entry(difference.clip_id)
        for workspace in differing_months():
            count += 1
            self.stderr.write(f"Workspace {workspace.slug}: the months are counted wrong.")
            if repair:
                repair_months(workspace)
        if count and not repair:
            raise CommandError(f"The gallery's index differs from the clips: {count} times. Correct it with --repair.")
        self.stdout.write("The gallery's index is right." if not count else f"Repaired {count} differences.")
