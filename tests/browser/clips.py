"""Clips to show in a browser, made by the services, so that the studio's books stay right."""

from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import transaction

from tchavi_studio.generations.lifecycle import fail_generation
from tchavi_studio.generations.models import IS_OPEN, Generation
from tchavi_studio.generations.orders import Order
from tchavi_studio.generations.services import start_generation
from tchavi_studio.generations.validation import validate
from tchavi_studio.workspaces.models import User, Workspace


def start_clip(person: User, prompt: str) -> Generation:
    """A clip of a second, which the studio begins to make."""
    params = validate({"model": "seedance-2", "prompt": prompt, "duration": 1}).params
    assert params is not None
    order = Order(workspace=person.workspaces.get(), creator=person, params=params, submission_id=uuid4())
    return start_generation(order).generations[0]


@transaction.atomic
def failed_clip(person: User, prompt: str) -> Generation:
    """A clip that failed before the studio could begin it."""
    clip = start_clip(person, prompt)
    fail_generation(clip.pk, code="refused", message="Only for show.")
    clip.refresh_from_db()
    return clip


def seed_ended_clips(person: User, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Fill somebody's own workspace with `count` demo clips without files, none of them still to be made."""
    workspace = person.workspaces.get()
    call_command("seed_demo", "--clips", str(count), "--no-files", "--workspace", workspace.slug)
    capsys.readouterr()
    end_open_clips(workspace)


def end_open_clips(workspace: Workspace) -> None:
    """Fail what a studio would otherwise go on with."""
    for clip in Generation.objects.filter(IS_OPEN, workspace=workspace):
        fail_generation(clip.pk, code="refused", message="Only for show.")
