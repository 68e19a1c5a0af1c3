"""The package: its imports and its public names."""

import inspect
import subprocess
import sys

import pytest

import tchavi_studio.client as package
from tchavi_studio.client import async_client, client


def test_importing_the_client_imports_no_django() -> None:
    """In a separate process, because this one has already imported Django."""
    code = (
        "import sys, tchavi_studio.client, tchavi_studio.client.command;"
        "print(sorted({name.partition('.')[0] for name in sys.modules} & {'django', 'PIL', 'av', 'psycopg'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_everything_public_exists_and_is_documented() -> None:
    assert list(package.__all__) == sorted(package.__all__, key=lambda name: (not name.isupper(), name))
    undocumented = [
        name
        for name in package.__all__
        if isinstance(getattr(package, name), type) and not (getattr(package, name).__doc__ or "").strip()
    ]
    assert undocumented == []


@pytest.mark.parametrize("name", ["Tchavi", "Videos", "Generations", "Jobs", "Files", "CreditsAccount", "Models"])
def test_both_clients_have_the_same_signatures(name: str) -> None:
    blocking, awaiting = getattr(client, name), getattr(async_client, f"Async{name}")
    assert _calls(awaiting) == _calls(blocking)


def _calls(kind: type) -> dict[str, list[str]]:
    return {
        name: list(inspect.signature(call).parameters)
        for name, call in vars(kind).items()
        if callable(call) and not name.startswith("_")
    } | {"__init__": list(inspect.signature(kind).parameters)}
