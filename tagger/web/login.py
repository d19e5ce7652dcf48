"""The password of the web page: its hash, who is logged in, and how often somebody may try.

Strangers' wrong tries must not keep out who knows the password. So tries are counted for each address and for all
together, but a browser that was let in before is counted by itself: OWASP's "Slow Down Online Guessing Attacks with
Device Cookies". Programs keep no cookie; theirs is the password that was right before.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer

from tagger.core.atomic_file import replacing
from tagger.core.clock import Clock
from tagger.core.errors import ConfigError, StoreError
from tagger.core.os_words import why
from tagger.system.scratch import scratch

COOKIE = "tagger_session"
SESSION_SECONDS = 30 * 86400
DEVICE_COOKIE = "tagger_device"
# As long as browsers keep one.
DEVICE_SECONDS = 400 * 86400
KEY_FILE = "web.key"
# The hash of the password that was chosen on the page; `web.password_hash` wins.
PASSWORD_FILE = "web.password"
LEAST_LETTERS = 8
# Without letters and digits that are taken for each other; 40 bits are plenty where tries are counted.
_CODE_LETTERS, _CODE_LENGTH = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789", 8
# Wrong tries at once, and seconds until the next: of one client, and of all that were never let in.
_ONE, _TOGETHER = (5, 12.0), (50, 1.2)
_EVERYBODY = ""
_CLIENTS = 10_000
# RFC 9106, section 4, second recommendation with half of its memory: a NAS has little, and tries are limited anyway.
_HASHER = PasswordHasher(time_cost=4, memory_cost=32 * 1024, parallelism=2)


def hash_password(password: str) -> str:
    """The hash for `web.password_hash`: Argon2id in PHC string format."""
    return _HASHER.hash(password)


def check_hash(password_hash: str) -> None:
    """Raises ConfigError where `web.password_hash` is no hash, before somebody stands at the door."""
    try:
        extract_parameters(password_hash)
    except InvalidHashError as error:
        raise ConfigError(
            "web.password_hash is not a hash of a password.",
            "Make one with: tagger web --hash-password, and copy the whole line, in a compose file with $$ for each $.",
        ) from error


class Login:
    """Checks passwords and sessions. Without a password everybody is let in, unless a first one is to be chosen.

    `password_hash`: that of the settings; if it is empty, the one that was chosen on the page counts, if there is one.
    Raises StoreError where what is kept in `data_dir` cannot be read.
    """

    def __init__(self, password_hash: str, data_dir: Path, clock: Clock) -> None:
        self._data_dir = data_dir
        self._clock = clock
        self._code = ""
        # One at a time, because each needs 32 MB.
        self._checking = threading.Lock()
        self._right: bytes | None = None
        self._counting = threading.Lock()
        # The addresses from which programs sent it.
        self._let_in: set[str] = set()
        self._salt = secrets.token_bytes(16)
        self._tries: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._use(password_hash or _chosen(data_dir))

    def _use(self, password_hash: str) -> None:
        self._hash = password_hash
        # Another password ends every session, and forgets every browser.
        key, salt = _key(self._data_dir) if password_hash else b"", password_hash or "-"
        self._sessions = URLSafeTimedSerializer(key, salt=salt)
        self._devices = URLSafeSerializer(key, salt=f"device {salt}")

    @property
    def required(self) -> bool:
        """Whether nobody is let in without a password."""
        return bool(self._hash or self._code)

    @property
    def is_first(self) -> bool:
        """Whether there is none yet, and whoever knows the code chooses it."""
        return bool(self._code)

    def ask_for_first(self) -> str:
        """Let nobody in until a password is chosen with the code that is returned: `ABCD-EFGH`."""
        self._code = "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH))
        return f"{self._code[: _CODE_LENGTH // 2]}-{self._code[_CODE_LENGTH // 2 :]}"

    def choose_first(self, client: str, code: str, password: str) -> float | None:
        """Make `password` the password if the code is right: None then, else as `attempt`.

        The code is asked for once. Raises StoreError where the password cannot be kept; nothing has changed then.
        """
        typed = "".join(letter for letter in code.upper() if letter in _CODE_LETTERS)

        def is_right() -> bool:
            return bool(self._code) and hmac.compare_digest(typed, self._code)

        with self._checking:
            wait = self._try(client, "", is_right)
            if wait is not None:
                return wait
            chosen = hash_password(password)
            path = self._data_dir / PASSWORD_FILE
            try:
                with replacing(path, mode=0o600) as temporary:
                    temporary.write_text(chosen + "\n")
            except OSError as error:
                raise StoreError(f"{path} cannot be written: {why(error)}.") from error
            self._use(chosen)
            self._code = ""
            return None

    def attempt(self, client: str, password: str, device: str = "") -> float | None:
        """Let a client try a password: None if it is the right one, else how many seconds it must wait now (0: none).

        While it must wait, not even the right one counts, or trying would be worth it. `client`: its address. `device`:
        its device cookie.
        """

        def is_right() -> bool:
            try:
                return _HASHER.verify(self._hash, password.encode("utf-8", "surrogatepass"))
            except VerificationError:
                return False

        own = self._device(device)
        # Who must wait anyway waits for no other's check besides.
        wait = self._must_wait(client, own)
        if wait:
            return wait
        with self._checking:
            return self._try(client, own, is_right)

    def attempt_token(self, client: str) -> float:
        """Count a wrong token, and how many seconds its client must wait now (0: none).

        Nothing is hashed slowly, and nobody else waits for it: what is not guessable needs neither.
        """
        place = _place(client)
        wait = self._wait(place, *_ONE)
        if not wait:
            self._count(place, _ONE)
        return wait

    def _try(self, client: str, device: str, is_right: Callable[[], bool]) -> float | None:
        """One try, as `attempt` answers it, counted for the device, or for the client and all that were never let in.

        While it must wait, `is_right` is not asked.
        """
        wait = self._must_wait(client, device)
        if wait:
            return wait
        if is_right():
            return None
        self._count(device or _place(client), _ONE)
        if not device:
            self._count(_EVERYBODY, _TOGETHER)
        return 0.0

    def attempt_program(self, client: str, password: str) -> float | None:
        """As `attempt`, for a program, which sends the password with each request."""
        if self.is_known_program(client, password):
            return None
        wait = self.attempt(client, password)
        with self._checking:
            if wait is None:
                self._right = self._digest(password)
                self._let_in.add(_place(client))
            elif wait and not self._wait(_place(client), *_ONE):
                # All together must wait, but it was compared with the password that is known: that was a try.
                self._count(_place(client), _ONE)
        return wait

    def is_known_program(self, client: str, password: str) -> bool:
        """Whether a program sends the password that was right before, from an address where it was; takes no time.

        At another address it counts, too, until somebody there has tried too many wrong ones.
        """
        if self._right is None or not hmac.compare_digest(self._right, self._digest(password)):
            return False
        place = _place(client)
        if place not in self._let_in and self._wait(place, *_ONE):
            return False
        self._let_in.add(place)
        return True

    def _digest(self, password: str) -> bytes:
        """A quick hash, kept in memory only, for programs that send the password with each request."""
        return hashlib.blake2b(password.encode("utf-8", "surrogatepass"), key=self._salt).digest()

    def _content(self, name: str, seconds: float) -> float:
        """The level of a leaky bucket now, in wrong tries. One leaks out every `seconds`."""
        content, at = self._tries.get(name, (0.0, 0.0))
        return max(0.0, content - (self._clock.monotonic() - at) / seconds)

    def _wait(self, name: str, size: int, seconds: float) -> float:
        return max(0.0, (self._content(name, seconds) - (size - 1)) * seconds)

    def _must_wait(self, client: str, device: str) -> float:
        wait = self._wait(device or _place(client), *_ONE)
        return wait if device else max(wait, self._wait(_EVERYBODY, *_TOGETHER))

    def _count(self, name: str, bucket: tuple[int, float]) -> None:
        with self._counting:
            self._tries[name] = self._content(name, bucket[1]) + 1, self._clock.monotonic()
            self._tries.move_to_end(name)
            if len(self._tries) > _CLIENTS:
                self._tries.popitem(last=False)

    def new_session(self) -> str:
        """The value of the cookie of somebody who knew the password."""
        return str(self._sessions.dumps(secrets.token_urlsafe(9)))

    def new_device(self) -> str:
        """The value of the cookie of a browser that was let in, by which it is told from strangers later."""
        return str(self._devices.dumps(secrets.token_urlsafe(9)))

    def _device(self, cookie: str) -> str:
        """The name that a device's tries are counted under; empty where the cookie is none of ours."""
        try:
            return f"device {self._devices.loads(cookie)}" if cookie and self._hash else ""
        except BadSignature:
            return ""

    def is_session(self, cookie: str) -> bool:
        """Whether a cookie is one that was given out for the present password, and not too long ago."""
        try:
            self._sessions.loads(cookie, max_age=SESSION_SECONDS)
        except BadSignature:
            return False
        return True


def _place(client: str) -> str:
    """What is counted as one client: an IPv4 address, or the 64 bits that one connection has in IPv6."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    return client if address.version == 4 else str(ipaddress.ip_network((int(address), 64), strict=False))


def _chosen(data_dir: Path) -> str:
    """The hash of the password that was chosen on the page; empty if none was."""
    path = data_dir / PASSWORD_FILE
    try:
        found = path.read_text("ascii").strip()
        extract_parameters(found)
    except FileNotFoundError:
        return ""
    except (InvalidHashError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is damaged.", "Delete it, and choose the password anew.") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {why(error)}.") from error
    return found


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
        raise StoreError(f"{path} cannot be read or made: {why(error)}.") from error
    if len(key) < 32:
        raise StoreError(f"{path} is damaged.", "Delete it; everybody logs in again.")
    return key
