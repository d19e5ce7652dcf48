"""What no output, log or error may tell: passwords in settings."""

from __future__ import annotations

import re
from typing import Any

# Settings that are secret as a whole.
SECRETS = frozenset({"web.password_hash", "hooks.secret", "storage.secret_key", "storage.session_token"})
# Addresses whose path is a secret: whoever knows a webhook's can send to it.
_SECRET_PATHS = frozenset({"hooks.labelled"})
HIDDEN = "***"
# scheme://user:password@host, with slashes mistyped, too, and ?password=... behind it (RFC 3986, section 3.2.1; libpq's
# connection URIs).
_IN_ADDRESS = re.compile(r"(^|[\s'\"(]|\w:/{1,2}|\w//)([^/:@\s]*:)(?!//)[^\s]*(@)")
_IN_QUERY = re.compile(r"([?&](?:password|sslpassword|passwd|token)=)[^&\s]*", re.IGNORECASE)


def without_passwords(text: str) -> str:
    """A text in which the passwords of addresses are replaced by ***."""
    return _IN_QUERY.sub(rf"\1{HIDDEN}", _IN_ADDRESS.sub(rf"\1\2{HIDDEN}\3", text))


def without_path(address: str) -> str:
    """An address of which only the host is told."""
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}/{HIDDEN}" if slash and path else address


def hidden(key: str, value: Any) -> Any:
    """The value of a setting without what is secret in it. `key`: as in "web.password_hash"."""
    if key in SECRETS:
        return HIDDEN if value else value
    if key in _SECRET_PATHS and isinstance(value, str):
        return without_path(without_passwords(value))
    return without_passwords(value) if isinstance(value, str) else value
