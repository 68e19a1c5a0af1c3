"""The studio under attack."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests.attack.attacked import AttackedStudio
from tests.databases import Template, connected_to
from tests.running_studio import RunningStudio


@pytest.fixture(scope="module")
def studio(
    database_template: Template,
    django_db_blocker: DjangoDbBlocker,
    prepared_data: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[AttackedStudio]:
    """One for each module. Models are connected to its database."""
    folder = tmp_path_factory.mktemp("attacked")
    shutil.copytree(prepared_data, folder / "data")
    with (
        django_db_blocker.unblock(),
        database_template.copy() as database,
        connected_to(database),
        RunningStudio(folder, database) as running,
    ):
        yield AttackedStudio(running)
