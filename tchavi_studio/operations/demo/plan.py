"""What a demo consists of."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from math import sqrt
from random import Random
from uuid import UUID

from django.utils import timezone

from tchavi_studio.generations.models import Generation
from tchavi_studio.workspaces.models import User, Workspace

from .samples import Sample

SPAN = timedelta(days=540)
LATEST = timedelta(hours=1)
"""How old the newest clip is, except those still open."""


@dataclass(frozen=True)
class Demo:
    """What to make: `clip_count` clips of `creator` in `workspace`, drawn from `seed`.

    `samples` are what they look like, by aspect ratio.
    """

    workspace: Workspace
    creator: User
    clip_count: int
    seed: int
    samples: dict[str, Sample]

    def chance(self, part: object) -> Random:
        """The random numbers of one part of the demo: the same for the same seed, size and workspace."""
        return Random(f"{self.seed} {self.clip_count} {self.workspace.slug} {part}")  # noqa: S311  # not for secrets

    @cached_property
    def key_ids(self) -> tuple[UUID, UUID]:
        """The ids of the API key and of the test key behind a part of the clips."""
        chance = self.chance("keys")
        return drawn_id(chance), drawn_id(chance)

    @cached_property
    def began_at(self) -> datetime:
        """When the first clip was made; the time that is written, if the demo was begun earlier."""
        written = Generation.objects.filter(pk=self._id_of_first(0)).values_list("created_at", flat=True).first()
        return written or timezone.now() - LATEST - SPAN

    @property
    def ended_at(self) -> datetime:
        return self.began_at + SPAN + LATEST

    def made_at(self, number: int) -> datetime:
        """When clip `number` was made: there are more and more of them towards the end."""
        return self.began_at + SPAN * sqrt(number / self.clip_count)

    def has_batch(self, first: int) -> bool:
        """Whether the batch that begins with clip number `first` is written."""
        return Generation.objects.filter(pk=self._id_of_first(first)).exists()

    def _id_of_first(self, first: int) -> UUID:
        """The id of clip number `first`: what its batch draws first."""
        return drawn_id(self.chance(first))


def drawn_id(chance: Random) -> UUID:
    return UUID(int=chance.getrandbits(128), version=4)
