"""What the values of settings may be, beyond their types. Each check raises ValidationError with a plain sentence.

They run while the settings load, so that a typo ends the start with one sentence and not a request with a traceback.
"""

import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import dj_email_url
from environs import Env, EnvValidationError, ValidationError, validate

HOST_NAME = re.compile(r"\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?")
SQLITE_OPTIONS = frozenset({"cached_statements", "init_command", "timeout", "transaction_mode"})
MAX_TIMEOUT_SECONDS = 600


def sentence_of(error: Exception) -> str:
    """What an error from loading the settings says, for the operator."""
    if isinstance(error, EnvValidationError):
        # Its own words show the reasons as a Python list.
        return f"{str(error).partition(' invalid: ')[0]} invalid: {' '.join(error.error_messages)}"
    return str(error)


def whole(least: int, most: int) -> Callable[[int], object]:
    """The check that a number lies between two bounds, which are both allowed."""
    return validate.Range(least, most, error=f"Must be a whole number from {least} to {most}.")


def one_of(*choices: str) -> Callable[[str], object]:
    """The check that a value is one of a few words."""
    return validate.OneOf(choices, error=f"Must be one of: {', '.join(choices)}.")


def require_web_address(url: str) -> None:
    """Refuse anything but http:// or https://, a host, and perhaps a port and a path."""
    parts = _split(url)
    if (
        parts is None
        or parts.scheme not in {"http", "https"}
        or not HOST_NAME.fullmatch(parts.netloc.removesuffix(f":{parts.port}"))
        or re.search(r"[?#\s]", url)
    ):
        raise ValidationError(f"Must look like https://studio.example.org, not {url!r}.")


def require_origin(url: str) -> None:
    """Refuse anything but http:// or https://, a host, and perhaps a port. "" means that there is none."""
    if url:
        require_web_address(url)
        if urlsplit(url).path.rstrip("/"):
            raise ValidationError(f"Must end after the host name or port, unlike {url!r}.")


def require_host_names(names: Iterable[str]) -> None:
    """Refuse URLs, ports and other things that no Host header equals."""
    for name in names:
        if name != "*" and not HOST_NAME.fullmatch(name.removeprefix(".")):
            raise ValidationError(f"Must be host names separated by commas; {name!r} isn't one.")


def require_peers(peers: Iterable[str]) -> None:
    """Refuse anything but "host:port": wildcards would exempt addresses that nobody has thought of."""
    for peer in peers:
        parts = _split(f"//{peer}")
        if parts is None or not parts.port or not HOST_NAME.fullmatch(peer.removesuffix(f":{parts.port}")):
            raise ValidationError(f"Must be host:port pairs separated by commas; {peer!r} isn't one.")


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        # The port is only read, and judged, when it is asked for.
        parts.port  # noqa: B018
    except ValueError:
        return None
    return parts


def require_secret(text: str) -> None:
    """Refuse blanks. "" means that there is none."""
    if text and not text.strip():
        raise ValidationError("Must not be blank.")


def require_key(key: str) -> None:
    """Refuse what can't be sent in a header. "" means that there is none."""
    if not re.fullmatch(r"[!-~]*", key.strip()):
        raise ValidationError("Must be an API key: letters, digits and signs, without spaces.")


def require_sender(address: str) -> None:
    """Refuse what isn't an email address, with or without a name before it."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", parseaddr(address)[1]) or not address.isprintable():
        raise ValidationError(f"Must be an email address, not {address!r}.")


def email_settings(env: Env, name: str, default: str) -> dict[str, Any]:
    """The mail settings that the URL `name` stands for. An empty one counts as not set."""
    found: dict[str, Any] = env.dj_email_url(name) if env.str(name, "") else dj_email_url.parse(default)
    if "EMAIL_BACKEND" not in found:
        raise _invalid(name, "Must look like smtp://user:password@host:587/?tls=True, or be console:.")
    return found


def database_settings(env: Env, name: str, default: str, *, sqlite_commands: str) -> dict[str, Any]:
    """The database that the URL `name` stands for. The options in it are kept, beside those that the studio needs."""
    found: dict[str, Any] = env.dj_db_url(name, default, conn_max_age=600)
    options = found.setdefault("OPTIONS", {})
    if found["ENGINE"] == "django.db.backends.postgresql":
        if not found["NAME"]:
            raise _invalid(name, "It names no database.")
        return found
    if found["ENGINE"] != "django.db.backends.sqlite3":
        raise _invalid(name, "Must begin with postgres:// or sqlite:///.")
    if found["NAME"] == ":memory:":
        raise _invalid(name, "It names no file, and the studio's processes can't share a database in memory.")
    if unknown := sorted(set(options) - SQLITE_OPTIONS):
        raise _invalid(name, f"SQLite has no option {unknown[0]}.")
    timeout = options.setdefault("timeout", 20)
    if not isinstance(timeout, int) or not 1 <= timeout <= MAX_TIMEOUT_SECONDS:
        raise _invalid(name, f"timeout must be a whole number of seconds from 1 to {MAX_TIMEOUT_SECONDS}.")
    # IMMEDIATE takes the write lock when a transaction begins, so a second writer waits instead of failing midway.
    if options.setdefault("transaction_mode", "IMMEDIATE") != "IMMEDIATE":
        raise _invalid(name, "The studio needs transaction_mode=IMMEDIATE.")
    options["init_command"] = f"{options.get('init_command', '')};{sqlite_commands}".lstrip(";")
    return found


def _invalid(name: str, sentence: str) -> EnvValidationError:
    return EnvValidationError(f'Environment variable "{name}" invalid: {sentence}', [sentence])


# --- Files ------------------------------------------------------------------------------------------------------------


@contextmanager
def blaming(name: str) -> Iterator[None]:
    """Say which setting leads to the files that the code inside can't use."""
    try:
        yield
    except OSError as error:
        raise _invalid(name, f"{error.filename} can't be used ({error.strerror}).") from error


def require_own_folder(folder: Path) -> None:
    """Refuse a folder that can't be the studio's alone, because it becomes readable only by the studio's user."""
    shared = folder.resolve() == Path("/") or (folder.is_dir() and folder.stat().st_mode & stat.S_ISVTX)
    if shared or folder == Path():
        raise ValidationError(f"Must be a folder that only the studio uses, not {str(folder)!r}.")


def keep_private(path: Path) -> None:
    """Let only the studio's user read `path`, whoever could before. Raises OSError if that isn't allowed."""
    mode = 0o700 if path.is_dir() else 0o600
    if stat.S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)


def keep_database_private(database: Path) -> None:
    """Create the SQLite file if there is none, and let only the studio's user read it and what SQLite puts beside it.

    SQLite gives the files beside it the same mode. Nothing happens if the folder is missing: SQLite's error says so.
    """
    if not database.parent.is_dir():
        return
    database.touch(mode=0o600)
    for path in (database, *(database.with_name(f"{database.name}-{end}") for end in ("wal", "shm", "journal"))):
        if path.exists():
            keep_private(path)
