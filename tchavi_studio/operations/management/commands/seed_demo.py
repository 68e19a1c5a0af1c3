"""`manage.py seed_demo`: fill a workspace with demo clips, by the million if you like."""

import json
import tempfile
import time
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat
from django.utils.formats import number_format

from tchavi_studio.api.services import TooManyKeysError
from tchavi_studio.generations.models import Generation
from tchavi_studio.operations.demo.plan import Demo
from tchavi_studio.operations.demo.samples import render_samples, samples_without_files
from tchavi_studio.operations.demo.seeding import seed_clips
from tchavi_studio.workspaces.models import Role, User, Workspace

MIN_CLIPS, MAX_CLIPS = 100, 100_000_000


def clip_count(word: str) -> int:
    """A number of clips from the command line."""
    number = word.replace("_", "").replace(",", "")
    if not number.isascii() or not number.isdigit() or not MIN_CLIPS <= int(number) <= MAX_CLIPS:
        raise ArgumentTypeError(f"clips must be a whole number from {MIN_CLIPS} to {MAX_CLIPS}, not {word!r}")
    return int(number)


class Command(BaseCommand):
    help = (
        "Fill a workspace with demo clips of its owner: finished, failed, cancelled, binned and waiting ones, with "
        "references, API jobs and play credits. They are previews: nothing is sent to the provider, also in live mode. "
        "They can be deleted, but what they cost stays in the ledger's sandbox book for ever. Prints JSON: workspace "
        "(its slug), clips, and the new API keys. If it is interrupted, run it again: it continues."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--clips", type=clip_count, required=True, metavar="N", help="how many clips to make")
        parser.add_argument("--workspace", metavar="SLUG", help="the workspace; needed if there are several")
        parser.add_argument("--seed", type=int, default=1, help="the same seed draws the same clips (default: 1)")
        parser.add_argument(
            "--no-files", action="store_true", help="write rows only, to measure with: clips show no pictures"
        )
        parser.add_argument("--yes", action="store_true", help="also if the workspace has clips, or the studio is live")

    def handle(
        self, *args: Any, clips: int, workspace: str | None, seed: int, no_files: bool, yes: bool, **options: Any
    ) -> None:
        home = _workspace(workspace)
        owner = User.objects.filter(memberships__workspace=home, memberships__role=Role.OWNER).earliest("pk")
        demo = Demo(workspace=home, creator=owner, clip_count=clips, seed=seed, samples=samples_without_files())
        is_resumed = demo.has_batch(0)
        if not yes and not is_resumed:
            self._refuse_to_mix(home)
        with tempfile.TemporaryDirectory(prefix="demo-", dir=settings.FILE_UPLOAD_TEMP_DIR) as directory:
            if not no_files:
                demo.samples.update(render_samples(Path(directory)))
            quota = filesizeformat(settings.STUDIO_WORKSPACE_QUOTA_BYTES)
            byte_count = clips * max(sample.clip.byte_count for sample in demo.samples.values())
            self._say(
                f"{'Continuing with' if is_resumed else 'Adding'} {number_format(clips)} demo clips of {owner.email} "
                f"in {home.slug}, seed {seed}. Their files are links to a few samples, but may count as "
                f"{filesizeformat(byte_count)} of the workspace's {quota}."
            )
            began = time.monotonic()
            try:
                keys = seed_clips(
                    demo, on_progress=lambda count: self._say(f"{number_format(count)} of {number_format(clips)}")
                )
            except TooManyKeysError as error:
                raise CommandError(str(error)) from error
        self._say(f"Done in {time.monotonic() - began:.1f} s.")
        names = {created.row.is_test: created.key for created in keys}
        printed = {"test_api_key" if is_test else "api_key": key for is_test, key in names.items()}
        self.stdout.write(json.dumps({"workspace": home.slug, "clips": clips, **printed}))

    def _refuse_to_mix(self, workspace: Workspace) -> None:
        if settings.STUDIO_MODE == "live":
            raise CommandError("This studio is live. Add --yes if you want demo clips among the real ones.")
        if Generation.objects.filter(workspace=workspace).exists():
            raise CommandError(f"{workspace.slug} has clips already. Add --yes if you want demo clips among them.")

    def _say(self, line: str) -> None:
        self.stderr.write(line)


def _workspace(slug: str | None) -> Workspace:
    if slug is not None:
        found = Workspace.objects.filter(slug=slug).first()
        if found is None:
            raise CommandError(f"There is no workspace {slug!r}.")
        return found
    workspaces = list(Workspace.objects.order_by("created_at")[:2])
    if len(workspaces) != 1:
        problem = "There are several workspaces" if workspaces else "There is no workspace yet"
        raise CommandError(f"{problem}. " + ("Name one with --workspace." if workspaces else "Sign up first."))
    return workspaces[0]
