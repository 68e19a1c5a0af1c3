"""Pages of long lists: no row twice, none left out, whatever was added meanwhile."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db.models import Q, QuerySet

from tchavi_studio.generations.models import Generation
from tchavi_studio.long_lists import CountUpTo, page_of, rows_after, rows_among, sparse_page_of
from tchavi_studio.workspaces.models import User, Workspace

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def people(db: None) -> QuerySet[User]:
    """Five people: two joined at one moment, two at the next, the last one later."""
    joined = [MOMENT, MOMENT, *[MOMENT + timedelta(microseconds=1)] * 2, MOMENT + timedelta(days=1)]
    User.objects.bulk_create(
        User(email=f"{number}@example.org", date_joined=moment) for number, moment in enumerate(joined)
    )
    return User.objects.all()


@pytest.mark.parametrize("order", [("date_joined", "id"), ("-date_joined", "-id"), ("id",), ("-email",)])
def test_pages_follow_one_another_without_gaps(people: QuerySet[User], order: tuple[str, ...]) -> None:
    rows = people.order_by(*order)
    fields = [name.removeprefix("-") for name in order]
    found: list[User] = []
    after: tuple[object, ...] = ()
    for expected in ((2, True), (2, True), (1, False)):
        page, has_more = page_of(rows, length=2, after=after)
        assert (len(page), has_more) == expected
        found += page
        after = tuple(getattr(page[-1], name) for name in fields)
    assert found == list(rows)


def test_a_full_last_page_has_none_after_it(people: QuerySet[User]) -> None:
    page, has_more = page_of(people.order_by("id"), length=5)
    assert (len(page), has_more) == (5, False)


def test_new_rows_do_not_shift_the_next_page(people: QuerySet[User]) -> None:
    rows = people.order_by("-date_joined", "-id")
    page, _has_more = page_of(rows, length=2)
    User.objects.create(email="new@example.org", date_joined=MOMENT + timedelta(days=2))
    following, _has_more = page_of(rows, length=2, after=(page[-1].date_joined, page[-1].pk))
    assert [person.email for person in following] == ["2@example.org", "1@example.org"]


def test_position_is_compared_as_one_row(people: QuerySet[User]) -> None:
    rows = people.order_by("-date_joined", "-id")
    assert '("workspaces_user"."date_joined", "workspaces_user"."id") < (' in str(rows_after(rows, MOMENT, 3).query)


@pytest.mark.parametrize("position", [(MOMENT,), (MOMENT, 1, 2)])
def test_a_position_has_a_value_for_each_field(people: QuerySet[User], position: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="zip"):
        rows_after(people.order_by("date_joined", "id"), *position)


def test_a_list_has_one_direction(people: QuerySet[User]) -> None:
    with pytest.raises(ValueError, match="too many values"):
        rows_after(people.order_by("-date_joined", "id"), MOMENT, 1)


EVEN, NOBODY = Q(email__regex=r"^[024]"), Q(email="")


@pytest.mark.parametrize("order", [("date_joined", "id"), ("-date_joined", "-id"), ("-email",)])
@pytest.mark.parametrize(
    ("length", "max_examined", "pages"),
    [
        (2, 9, [(2, True), (1, False)]),
        (3, 9, [(3, False)]),
        (3, 5, [(3, False)]),
        (9, 4, [(2, True), (1, False)]),
        (9, 3, [(2, True), (1, False)]),
        (9, 2, [(1, True), (1, True), (1, False)]),
        (1, 2, [(1, True), (1, True), (1, False)]),
        (9, 1, [(1, True), (0, True), (1, True), (0, True), (1, False)]),
    ],
)
def test_pages_of_a_condition_look_at_no_more_rows_than_the_bound(
    people: QuerySet[User], order: tuple[str, ...], length: int, max_examined: int, pages: list[tuple[int, bool]]
) -> None:
    rows = people.order_by(*order)
    found: list[User] = []
    after: tuple[object, ...] = ()
    for expected in pages:
        page, after = sparse_page_of(rows, EVEN, length=length, max_examined=max_examined, after=after)
        assert (len(page), bool(after)) == expected
        found += page
    assert found == [person for person in rows if person.email[0] in "024"]


def test_what_is_not_there_is_looked_for_to_the_end(people: QuerySet[User]) -> None:
    rows = people.order_by("id")
    page, after = sparse_page_of(rows, NOBODY, length=2, max_examined=3)
    assert (page, after) == ([], (rows[2].pk,))
    page, after = sparse_page_of(rows, NOBODY, length=2, max_examined=3, after=after)
    assert (page, after) == ([], ())


@pytest.mark.one_database
def test_rows_among_many_keys_are_found_by_their_keys(workspace: Workspace) -> None:
    """Beside 500 keys, SQLite would otherwise choose any index that begins with the workspace, and read all of it."""
    clips = Generation.objects.filter(workspace=workspace)
    keys = [uuid4() for _number in range(500)]
    assert "(id=?)" not in clips.filter(pk__in=keys).explain()
    plan = rows_among(clips, keys).explain()
    assert "(id=?)" in plan
    assert "workspace_id" not in plan


def test_rows_among_keys_are_of_the_list(people: QuerySet[User]) -> None:
    ids = list(people.order_by("id").values_list("pk", flat=True))
    found = rows_among(people.filter(EVEN).order_by("-email"), ids[:3])
    assert sorted(person.email[0] for person in found) == ["0", "2"]
    emails = ["1@example.org", "4@example.org", "9@example.org"]
    assert [person.email for person in rows_among(people.filter(EVEN), emails, by="email")] == ["4@example.org"]


@pytest.mark.parametrize(("max_count", "count"), [(4, 4), (5, 5), (6, 5)])
def test_counting_stops_at_the_bound(people: QuerySet[User], max_count: int, count: int) -> None:
    first = people.order_by("id")[:1]
    assert list(first.values_list(CountUpTo(people.order_by("email"), max_count))) == [(count,)]
