"""Every setting, with its default and its allowed values, as one frozen, validated object.

`tagger.core.config_sources` reads the values from config.toml, the environment and the command line.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from tagger.core.cron import parse_schedule
from tagger.core.errors import ConfigError
from tagger.core.languages import ENGLISH, LANGUAGES, LanguageCode
from tagger.core.paths import disk_path

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Section(BaseModel):
    """The base of all sections: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False, hide_input_in_errors=True)


# The context of validation for what stands in a file, a variable or an option.
WRITTEN_BY_A_PERSON = "written by a person"


class IntakeSettings(Section):
    """Which files are inspected, and when."""

    ignore: tuple[str, ...] = ()
    hidden: bool = False
    follow_symlinks: bool = False
    settle_seconds: Annotated[float, Field(ge=0, le=3600)] = 5.0
    watch: Literal["auto", "native", "polling"] = Field(default="auto", description='"auto", "native" or "polling"')
    poll_seconds: Annotated[float, Field(ge=1, le=86400)] = 300.0
    vanish_share: Share = 0.2
    vanish_count: Annotated[int, Field(ge=0, le=1_000_000_000)] = 50

    @field_validator("ignore")
    @classmethod
    def _are_patterns(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        # A walk tells bad ones and goes on; a person who writes them is told at once.
        if value and info.context == WRITTEN_BY_A_PERSON:
            # Only then, because importing it takes time.
            import pathspec

            for pattern in value:
                try:
                    pathspec.GitIgnoreSpec.from_lines([pattern])
                except (ValueError, re.error) as error:
                    raise ValueError(f"{pattern!r} is no pattern as in .gitignore") from error
        return value


Views = Literal["squares", "whole"]


class ModelSettings(Section):
    """Which network labels the photos, and what of each photo it sees."""

    name: str = "resnet50"
    weights: Path | None = None
    sha256: Annotated[
        str, Field(pattern="^([0-9a-f]{64})?$", description="64 hexadecimal digits in lower case, as text")
    ] = ""
    fetch: Literal["auto", "never"] = Field(default="auto", description='"auto" or "never"')
    source: str = ""
    views: Views = Field(default="squares", description='"squares" or "whole"')
    objects: bool = Field(default=True, description="true or false")

    @field_validator("weights")
    @classmethod
    def _on_disk(cls, value: Path | None) -> Path | None:
        return None if value is None else _as_on_disk(value)


EngineKind = Literal["auto", "tensorflow", "light"]


class EngineSettings(Section):
    """How the network runs."""

    kind: EngineKind = Field(default="auto", description='"auto", "tensorflow" or "light"')
    batch_size: Annotated[int, Field(ge=1, le=512)] = 32
    threads: Annotated[int, Field(ge=0, le=256)] = 0
    max_cpu: Annotated[float, Field(ge=0.05, le=1)] = 1.0
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description='"auto", "float32" or "bfloat16"'
    )
    stall_seconds: Annotated[float, Field(ge=1, le=3600)] = 120.0


class LimitSettings(Section):
    """Limits for decoding one picture."""

    megapixels: Annotated[float, Field(gt=0, le=2000)] = 160.0
    file_mb: Annotated[int, Field(ge=1, le=65536)] = 1024
    decode_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    memory_mb: Annotated[int, Field(ge=64, le=1_048_576)] = 1024
    readable_share: Share = 0.5


_LANGUAGE = " or ".join([", ".join(f'"{code}"' for code in list(LANGUAGES)[:-1]), f'"{list(LANGUAGES)[-1]}"'])


class LabelSettings(Section):
    """How the network's scores become labels."""

    top_k: Annotated[int, Field(ge=1, le=1000)] = 5
    min_confidence: Share = 0.10
    # None: what was measured for the model.
    show_threshold: Share | None = Field(default=None, description="a number from 0 to 1")
    thresholds: dict[str, Share] = Field(default_factory=dict)
    rename: dict[str, str] = Field(default_factory=dict)
    merge: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    silence: tuple[str, ...] = ()
    language: LanguageCode = Field(default=ENGLISH, description=_LANGUAGE)


Target = Literal["immich", "digikam", "lightroom", "darktable", "windows", "apple", "photoprism"]


class KeywordSettings(Section):
    """Whether and how labels are written into photos or sidecars as keywords."""

    mode: Literal["off", "sidecar", "embed"] = Field(default="off", description='"off", "sidecar" or "embed"')
    # The setting is called `for`, which is a Python keyword.
    targets: tuple[Target, ...] = Field(
        default=(),
        alias="for",
        description='a list of "immich", "digikam", "lightroom", "darktable", "windows", "apple" and "photoprism"',
    )
    min_confidence: Share = 0.0
    count: Annotated[int, Field(ge=1, le=100)] = 5
    parents: bool = True
    prefix: str = ""
    root: str = ""
    sidecar_name: Literal["photo.jpg.xmp", "photo.xmp"] = Field(
        default="photo.jpg.xmp", description='"photo.jpg.xmp" or "photo.xmp"'
    )
    sidecar_folder: Path | None = None
    hard_links: bool = Field(default=False, description="true or false")
    touch: bool = Field(default=False, description="true or false")
    languages: tuple[LanguageCode, ...] = Field(default=(), description=f"a list; in it {_LANGUAGE}")

    @field_validator("sidecar_folder")
    @classmethod
    def _expand(cls, value: Path | None) -> Path | None:
        return None if value is None else _expanded(value)


class SearchSettings(Section):
    """Limits of `tagger search` and `tagger similar`."""

    limit: Annotated[int, Field(ge=0, le=1_000_000_000)] = 100
    memory_mb: Annotated[int, Field(ge=16, le=65536)] = 128


def _schedule(text: str) -> str:
    parse_schedule(text)
    return text


_Schedule = Annotated[
    str,
    Field(description='an interval such as "6h", five cron fields such as "0 4 * * *", or "" for never'),
    AfterValidator(_schedule),
]


def _address(text: str) -> str:
    port = text.rpartition(":")[2]
    if text and not text.startswith("unix:") and int(port) > 65535:
        raise ValueError(f"a port is from 0 to 65535, not {port}")
    return text


WorkWindow = Annotated[
    str,
    Field(
        pattern=r"^(|([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9])$",
        description='a span of time such as "22:00-06:00", or "" for always',
    ),
]


class ServiceSettings(Section):
    """How `tagger run` behaves."""

    work_window: WorkWindow = ""
    nice: Annotated[int, Field(ge=0, le=19)] = 10
    idle_seconds: Annotated[float, Field(ge=0, le=86400)] = 300.0
    stop_seconds: Annotated[float, Field(ge=1, le=600)] = 30.0
    rescan: _Schedule = "6h"
    upkeep: _Schedule = "0 4 * * *"
    keep_missing_days: Annotated[float, Field(ge=0, le=36500)] = 30.0
    keep_backups: Annotated[int, Field(ge=0, le=1000)] = 3
    health: Annotated[
        str,
        Field(pattern=r"^(|[^ ]+:[0-9]+|unix:/.+)$", description='"127.0.0.1:8642", "unix:/path" or ""'),
        AfterValidator(_address),
    ] = ""
    # "keyvalue" is what logfmt was called.
    log: Literal["auto", "text", "logfmt", "json", "keyvalue"] = Field(
        default="auto", description='"auto", "text", "logfmt" or "json"'
    )


class WebSettings(Section):
    """The web pages and their API."""

    enabled: bool = Field(default=False, description="true or false")
    listen: Annotated[
        str,
        Field(pattern=r"^([^ ]+:[0-9]+|unix:/.+)$", description='"127.0.0.1:8643" or "unix:/path"'),
        AfterValidator(_address),
    ] = "127.0.0.1:8643"
    password_hash: Annotated[
        str, Field(pattern=r"^(|\$argon2id\$.+)$", description='what `tagger web --hash-password` prints, or ""')
    ] = ""
    hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = Field(
        default=("127.0.0.1", "::1"),
        description='a list of addresses and networks such as ["192.168.1.5", "172.16.0.0/12", "fd00::/8"]',
    )
    root_path: Annotated[
        str, Field(pattern=r"^(|(/[A-Za-z0-9._~-]+)+)$", description='a path such as "/tagger", or ""')
    ] = ""
    cache_mb: Annotated[int, Field(ge=1, le=1_000_000)] = 1024
    upload_mb: Annotated[int, Field(ge=1, le=1024)] = 128
    upload_seconds: Annotated[float, Field(ge=1, le=3600)] = 60.0
    idle_seconds: Annotated[float, Field(ge=1, le=86400)] = 120.0

    @field_validator("trusted_proxies")
    @classmethod
    def _check_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        import ipaddress

        for network in value:
            ipaddress.ip_network(network.strip(), strict=False)
        return value


class HookSettings(Section):
    """Who is told of photos that were labelled: an address, a command."""

    labelled: Annotated[
        str,
        Field(pattern=r"^(|https?://[^\s/@]+(/[^\s]*)?)$", description='"https://host/path", or "" for nobody'),
    ] = ""
    command: tuple[str, ...] = Field(default=(), description='a list such as ["/usr/local/bin/told", "--tagger"]')
    secret: str = ""
    photos: Annotated[int, Field(ge=1, le=1000)] = 100
    seconds: Annotated[float, Field(ge=0, le=86400)] = 10.0
    timeout_seconds: Annotated[float, Field(ge=1, le=600)] = 30.0

    @property
    def names(self) -> tuple[str, ...]:
        """The hooks that are set, by the names of their settings."""
        return tuple(name for name in ("labelled", "command") if getattr(self, name))

    @field_validator("labelled")
    @classmethod
    def _has_a_port(cls, value: str) -> str:
        if value:
            from urllib.parse import urlsplit

            # Raises ValueError.
            _ = urlsplit(value).port
        return value

    @field_validator("secret")
    @classmethod
    def _is_base64(cls, value: str) -> str:
        if value.startswith("whsec_"):
            import base64

            base64.b64decode(value.removeprefix("whsec_"), validate=True)
        return value


class ClusterSettings(Section):
    """Several machines at once, by Ray."""

    address: Annotated[
        str, Field(pattern=r"^(|local|auto|([a-z]+://)?[^ ]+:[0-9]+)$", description='"head:6379", "local" or ""')
    ] = ""
    worker_cpus: Annotated[float, Field(gt=0, le=1024)] = 1.0
    worker_gpus: Annotated[float, Field(ge=0, le=64)] = 0.0
    paths: dict[str, dict[str, str]] = Field(default_factory=dict)


class StorageSettings(Section):
    """Object storage: where it is, and who asks. What is not set is taken from where Amazon's programs take it."""

    endpoint_url: Annotated[
        str, Field(pattern=r"^(|https?://[^\s/@]+(/[^\s@]*)?)$", description='"https://s3.example.org" or ""')
    ] = ""
    region: Annotated[str, Field(pattern=r"^[a-z0-9-]*$", description='such as "eu-central-1", or ""')] = ""
    access_key: str = ""
    secret_key: str = ""
    session_token: str = ""


class Settings(Section):
    """Every setting, with its default. Frozen."""

    data_dir: Path = Field(default_factory=lambda: _default_data_dir())
    database: str = ""
    intake: IntakeSettings = IntakeSettings()
    model: ModelSettings = ModelSettings()
    engine: EngineSettings = EngineSettings()
    limits: LimitSettings = LimitSettings()
    labels: LabelSettings = LabelSettings()
    keywords: KeywordSettings = KeywordSettings()
    search: SearchSettings = SearchSettings()
    service: ServiceSettings = ServiceSettings()
    web: WebSettings = WebSettings()
    hooks: HookSettings = HookSettings()
    cluster: ClusterSettings = ClusterSettings()
    storage: StorageSettings = StorageSettings()

    @field_validator("data_dir")
    @classmethod
    def _expand(cls, value: Path) -> Path:
        return _expanded(value)

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the library's database."""
        return self.database or f"sqlite:///{self.data_dir / 'library.db'}"


def _as_on_disk(path: Path) -> Path:
    # `config_sources` passes paths on as text that JSON can hold.
    return Path(disk_path(str(path)))


def _expanded(path: Path) -> Path:
    # Not resolve(), which would replace symbolic links.
    try:
        return Path(os.path.abspath(_as_on_disk(path).expanduser()))
    except RuntimeError as error:
        raise ValueError("that user has no home folder here") from error


def _default_data_dir() -> Path:
    import platformdirs

    try:
        return Path(platformdirs.user_data_dir("tagger", appauthor=False))
    except RuntimeError as error:
        # A container that runs as a user who is unknown in it.
        raise ConfigError(
            f"User {os.getuid()} has no home folder here, so there is no place for the library.",
            "Name one with --data-dir or TAGGER_DATA_DIR, or set HOME.",
        ) from error
