"""Seats for pumps: so that hints do not set more of them to work than there should be."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from tchavi_studio.generations.leases import lease

from .models import PumpSeat


@dataclass(frozen=True, kw_only=True)
class Seat:
    """The right to run a pump. Only for economy: any number of pumps would do no harm."""

    number: int
    holder: UUID


def take_seat() -> Seat | None:
    """One of the STUDIO_PUMPS seats; None when all are taken."""
    now = timezone.now()
    for number in range(settings.STUDIO_PUMPS):
        PumpSeat.objects.get_or_create(number=number)
        holder = uuid4()
        free = Q(held_until__isnull=True) | Q(held_until__lt=now)
        if PumpSeat.objects.filter(free, number=number).update(held_by=holder, held_until=now + lease()):
            return Seat(number=number, holder=holder)
    return None


def keep_seat(seat: Seat) -> bool:
    """Hold the seat for another lease. False: it was lost, and this pump has to end."""
    rows = PumpSeat.objects.filter(number=seat.number, held_by=seat.holder)
    return rows.update(held_until=timezone.now() + lease()) == 1


def leave_seat(seat: Seat) -> None:
    PumpSeat.objects.filter(number=seat.number, held_by=seat.holder).update(held_by=None, held_until=None)
