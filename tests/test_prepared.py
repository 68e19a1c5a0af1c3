"""A prepared statement finds what its queryset would, and is compiled once."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db.models import CharField, DateTimeField, QuerySet

from tchavi_studio.prepared import Parameter, Prepared, insert_row
from tchavi_studio.workspaces.models import User, Workspace

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def test_parameters_are_converted_like_lookups(db: None) -> None:
    def joined_since() -> QuerySet[User, tuple[str]]:
        since = Parameter("since", DateTimeField())
        return User.objects.filter(date_joined__gte=since, name=Parameter("name", CharField())).values_list("email")

    for days, name in enumerate(["Awa", "Awa", "Kofi"]):
        User.objects.create(email=f"{days}@example.org", name=name, date_joined=MOMENT + timedelta(days=days))
    prepared = Prepared(joined_since)
    assert prepared.rows(since=MOMENT + timedelta(days=1), name="Awa") == [("1@example.org",)]
    assert prepared.rows(since=MOMENT + timedelta(days=1, microseconds=1), name="Awa") == []
    assert prepared.rows(since=MOMENT, name="Kofi") == [("2@example.org",)]


def test_values_are_those_of_the_fields(workspace: Workspace) -> None:
    name = Parameter("name", CharField())
    prepared = Prepared(
        lambda: Workspace.objects.filter(name=name).values_list("id", "created_at", "memberships__role")
    )
    expected = [[workspace.pk, workspace.created_at, "owner"]]
    assert prepared.values(name=workspace.name) == expected
    assert prepared.values(name="") == []


def test_changes_have_parameters_too(workspace: Workspace) -> None:
    slug, name = Parameter("slug", CharField()), Parameter("name", CharField())
    prepared = Prepared(lambda: Workspace.objects.filter(slug=slug), name=name)
    assert prepared.update(slug=workspace.slug, name="Delta") == 1
    assert prepared.update(slug="nowhere", name="Lagune") == 0
    assert Workspace.objects.get().name == "Delta"


def test_a_row_is_inserted_as_it_is_saved(db: None) -> None:
    row = Workspace(name="Lagune", slug="lagune")
    assert insert_row(row) is True
    stored = Workspace.objects.get()
    assert (stored.pk, stored.name, stored.created_at) == (row.pk, "Lagune", row.created_at)
    row.name = "Delta"
    row.save()
    assert Workspace.objects.get().name == "Delta"


def test_a_row_that_breaks_a_uniqueness_rule_is_not_inserted(workspace: Workspace) -> None:
    assert insert_row(Workspace(name="Another", slug=workspace.slug)) is False
    assert Workspace.objects.get() == workspace


def test_the_queryset_is_built_once(db: None) -> None:
    built = 0

    def named() -> QuerySet[Workspace, tuple[str]]:
        nonlocal built
        built += 1
        return Workspace.objects.filter(name=Parameter("name", CharField())).values_list("slug")

    prepared = Prepared(named)
    for name in ("one", "two"):
        Workspace.objects.create(name=name, slug=name)
        assert prepared.rows(name=name) == [(name,)]
    assert built == 1


def test_each_parameter_needs_a_value(db: None) -> None:
    prepared = Prepared(lambda: Workspace.objects.filter(name=Parameter("name", CharField())).values_list("slug"))
    with pytest.raises(KeyError, match="name"):
        prepared.rows(slug="one")
