"""The password of the web page: its hash, who is logged in, and how often somebody may try."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from itsdangerous import BadSignature, URLSafeTimedSerializer

from tagger.core.atomic_file import replacing
from tagger.core.clock import Clock
from tagger.core.errors import ConfigError, StoreError
from tagger.system.scratch import scratch

COOKIE = "tagger_session"
SESSION_SECONDS = 30 * 86400
KEY_FILE = "web.key"
# Wrong tries that a client has at once, and seconds until the next; all clients together have ten times as many.
_TRIES, _SECONDS_A_TRY = 5, 12.0
_ALL = 10
_CLIENTS = 10_000
# RFC 9106, section 4, second recommendation with half of its memory: a NAS has little, and tries are limited anyway.
_HASHER = PasswordHasher(time_cost=4, memory_cost=32 * 1024, parallelism=2)


def hash_password(password: str) -> str:
    """The hash for `web.password_hash`: Argon2id in PHC string format."""
    return _HASHER.hash(password)


class Login:
    """Checks passwords and sessions. Without a hash there is no password, and everybody is let in."""

    def __init__(self, password_hash: str, data_dir: Path, clock: Clock) -> None:
        self._hash = password_hash
        self._clock = clock
        # One at a time, because each needs 32 MB.
        self._checking = threading.Lock()
        self._right: bytes | None = None
        self._salt = secrets.token_bytes(16)
        self._tries: OrderedDict[str, tuple[float, float]] = OrderedDict()
        # Another password ends every session.
        self._sessions = URLSafeTimedSerializer(_key(data_dir) if password_hash else b"", salt=password_hash or "-")

    @property
    def required(self) -> bool:
        """Whether there is a password."""
        return bool(self._hash)

    def attempt(self, client: str, password: str) -> float | None:
        """Let a client try a password: None if it is the right one, else how many seconds it must wait now (0: none).

        While it must wait, not even the right one counts, or trying would be worth it. Raises ConfigError where the
        setting is no hash.
        """
        secret = password.encode("utf-8", "surrogatepass")
        digest = hashlib.blake2b(secret, key=self._salt).digest()
        with self._checking:
            wait = max(self._wait(client, _TRIES, _SECONDS_A_TRY), self._wait("", _TRIES * _ALL, _SECONDS_A_TRY / _ALL))
            if wait:
                return wait
            # The one that was right is remembered as a quick hash, for programs that send it with each request.
            if self._right is not None and hmac.compare_digest(self._right, digest):
                return None
            try:
                _HASHER.verify(self._hash, secret)
            except InvalidHashError as error:
                raise ConfigError(
                    "web.password_hash is not a hash of a password.", "Make one with: tagger web --hash-password"
                ) from error
            except VerificationError:
                self._count(client, _SECONDS_A_TRY)
                self._count("", _SECONDS_A_TRY / _ALL)
                return 0.0
            self._right = digest
            return None

    def _content(self, name: str, seconds: float) -> float:
        """The level of a leaky bucket now, in wrong tries. One leaks out every `seconds`."""
        content, at = self._tries.get(name, (0.0, 0.0))
        return max(0.0, content - (self._clock.monotonic() - at) / seconds)

    def _wait(self, name: str, size: int, seconds: float) -> float:
        return max(0.0, (self._content(name, seconds) - (size - 1)) * seconds)

    def _count(self, name: str, seconds: float) -> None:
        self._tries[name] = self._content(name, seconds) + 1, self._clock.monotonic()
        self._tries.move_to_end(name)
        if len(self._tries) > _CLIENTS:
            self._tries.popitem(last=False)

    def new_session(self) -> str:
        """The value of the cookie of somebody who knew the password."""
        return str(self._sessions.dumps(secrets.token_urlsafe(9)))

    def is_session(self, cookie: str) -> bool:
        """Whether a cookie is one that was given out for the present password, and not too long ago."""
        try:
            self._sessions.loads(cookie, max_age=SESSION_SECONDS)
        except BadSignature:
            return False
        return True


def _key(data_dir: Path) -> bytes:
    """The secret that sessions are signed with, made once."""
    path = data_dir / KEY_FILE
    try:
        if not path.exists():
            # Without a place to keep it, people log in again after the next start.
            path = scratch(data_dir) / KEY_FILE
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            with replacing(path, mode=0o600) as temporary:
                temporary.write_text(secrets.token_hex(32))
        key = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be read or made: {error.strerror}.") from error
    if len(key) < 32:
        raise StoreError(f"{path} is damaged.", "Delete it; everybody logs in again.")
    return key
