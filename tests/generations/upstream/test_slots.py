"""Slots limit how many pumps run, whatever wakes them and however they die."""

from django.utils import timezone
from pytest_django import Settings

from tchavi_studio.generations.models import PumpSlot
from tchavi_studio.generations.upstream.slots import take_slot


def test_there_is_one_slot_per_pump(db: None, settings: Settings) -> None:
    settings.STUDIO_PUMPS = 2
    first, second = take_slot(), take_slot()
    assert first is not None
    assert second is not None
    assert ((first.pk, second.pk), take_slot()) == ((0, 1), None)
    assert first.release() is True
    third = take_slot()
    assert third is not None
    assert (third.pk, third.token != first.token) == (0, True)
    assert first.release() is False
    assert (first.renew(), third.renew(), take_slot()) == (False, True, None)


def test_a_dead_pumps_slot_is_free_after_its_lease(db: None) -> None:
    dead = take_slot()
    assert dead is not None
    PumpSlot.objects.update(leased_until=timezone.now())
    heir = take_slot()
    assert heir is not None
    assert (dead.renew(), heir.renew()) == (False, True)
