"""The table of price versions."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from tchavi_studio.generations.price_list import Prices, published_prices
from tchavi_studio.records.append_only import AppendOnlyTable, protect

REASON_MAX_LENGTH = 200

PRICE_VERSIONS = protect(
    AppendOnlyTable(
        name="generations_priceversion",
        message="price versions never change or vanish",
        is_same_row="number = NEW.number",
        since=("generations", "0023_price_versions"),
    )
)


class PriceVersion(models.Model):
    """A price list and the moment from which it is charged. Rows are only ever added: triggers refuse every change.

    Of the versions whose time has come, the one with the highest `number` is in force. So a later version also
    replaces those before it that haven't come into force yet. `prices` are credits per second, by model and then by
    resolution or "audio_surcharge". The studio itself wrote version 1: it has neither `author` nor `reason`.
    """

    number = models.PositiveIntegerField(primary_key=True)
    valid_from = models.DateTimeField()
    prices = models.JSONField()
    reason = models.CharField(max_length=REASON_MAX_LENGTH, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(number__gte=1), name="price_version_from_one"),
            models.CheckConstraint(
                condition=Q(number=1) | (Q(author__isnull=False) & ~Q(reason="")), name="price_version_has_a_reason"
            ),
            models.CheckConstraint(
                condition=Q(number=1) | Q(valid_from__gt=F("created_at")), name="price_version_is_announced"
            ),
        ]

    def __str__(self) -> str:
        return f"Prices, version {self.number}"

    @property
    def price_list(self) -> Prices:
        """All prices, each model's. A model that came to the studio after this version costs what is published."""
        return published_prices(self.prices)
