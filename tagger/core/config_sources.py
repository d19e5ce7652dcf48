"""Load the settings from `config.toml`, `TAGGER_*` variables and flags, and from what tagger has saved itself.

The environment variable of `[section] key` is `TAGGER_SECTION_KEY`; `TAGGER_SECTION_KEY_FILE` names a file that holds
the value. It is written as in TOML, except that text needs no quotes. pydantic checks types and ranges; this module
collects the values and turns pydantic's errors into sentences. pydantic-settings is not used, because importing it
costs every command a tenth of a second.
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_origin

from pydantic import ValidationError

from tagger.core.atomic_file import replacing
from tagger.core.chosen_settings import CHOSEN_FILE, chosen_settings
from tagger.core.config import WRITTEN_BY_A_PERSON, ModelSettings, Section, Settings
from tagger.core.environment_files import IN_FILE, values_from_files
from tagger.core.errors import ConfigError
from tagger.core.paths import stored_path
from tagger.core.secrets import hidden
from tagger.core.toml_files import read_toml

_ENV_PREFIX = "TAGGER_"
# Variables that are not settings: the config file to use, and a switch of the tests.
_ENV_OTHER = {"TAGGER_CONFIG", "TAGGER_REQUIRE_SHARED", "TAGGER_MODEL_DOWNLOAD"}
# How model.fetch was called: true or false.
_FORMERLY, _FETCH = "TAGGER_MODEL_DOWNLOAD", "TAGGER_MODEL_FETCH"
# So many unknown variables are named.
_MOST_NAMED = 5
CHOICE_FILE = "model.toml"
RULES_FILE = "rules.toml"


def default_config_file() -> Path:
    """The config file that is read unless another one is named."""
    import platformdirs

    try:
        return Path(platformdirs.user_config_dir("tagger", appauthor=False)) / "config.toml"
    except RuntimeError:
        # Neither HOME nor an entry of this user: / is what Docker sets then.
        return Path("/.config/tagger/config.toml")


def load_settings(
    config_file: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """The validated settings of all sources; see `load_with_sources`."""
    return load_with_sources(config_file, flags, environ)[0]


def load_with_sources(
    config_file: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> tuple[Settings, dict[str, list[str]]]:
    """Read all sources. Returns the validated settings, and for each key that one of them sets, which set it.

    A source is the path of a file, "environment" or "command line"; rules for labels may come from two files.
    `flags` maps dotted keys (`"model.name"`) to values of the command line. `environ` defaults to the process's. Later
    sources win: defaults, what was saved (`tagger model use`, the web page), the config file, the environment, flags.

    Raises ConfigError that names the source, the key, the value, what is allowed, and for an unknown key the nearest.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    # These come first, because they may set the data directory, which holds the saved choices.
    for data, source in (_from_file(config_file, environ), _from_environment(environ)):
        _merge(values, sources, data, source)
    # Weights that are configured without a name are those of the default model.
    choosable = "name" in values.get("model", {}) or "weights" not in values.get("model", {})
    given = {key: value for key, value in (flags or {}).items() if value is not None}
    if given.get("model.name", _named(values)) != _named(values):
        # Weights that are configured are those of the model that is configured.
        for key in ("weights", "sha256"):
            values.get("model", {}).pop(key, None)
            sources.pop(f"model.{key}", None)
    for key, value in given.items():
        _merge(values, sources, _nested(key, value), "command line")
    settings = _validate(values, sources)
    remembered: dict[str, Any] = {}
    remembered_sources: dict[str, str] = {}
    choice = settings.data_dir / CHOICE_FILE
    if choice.is_file() and choosable:
        _merge(remembered, remembered_sources, _from_choice(choice, values.get("model", {})), str(choice))
    for key, value in chosen_settings(settings.data_dir).items():
        _merge(remembered, remembered_sources, _nested(key, value), str(settings.data_dir / CHOSEN_FILE))
    rules = own_rules(settings.data_dir)
    if rules:
        values["labels"] = _with_rules(values.get("labels", {}), rules)
    if not remembered and not rules:
        return settings, {key: [source] for key, source in sources.items()}
    _merge(remembered, remembered_sources, values, "")
    remembered_sources |= {f"labels.{key}": str(settings.data_dir / RULES_FILE) for key in rules}
    told = {key: [source] for key, source in {**remembered_sources, **sources}.items()}
    for key in rules.keys() & values.get("labels", {}).keys():
        if isinstance(values["labels"][key], dict | list) and f"labels.{key}" in sources:
            told[f"labels.{key}"].append(str(settings.data_dir / RULES_FILE))
    return _validate(remembered, {**remembered_sources, **sources}), told


def _from_choice(choice: Path, model: Mapping[str, Any]) -> dict[str, Any]:
    """What the library remembers of its model, as far as `model`, the section of the other sources, leaves it open."""
    said = read_toml(choice).get("model", {})
    name = model.get("name") or said.get("name") or ModelSettings().name
    weights = None if "weights" in model else remembered_weights(choice.parent).get(name)
    found = {"name": name, **({} if weights is None else {"weights": str(weights)})}
    return {"model": {**{key: value for key, value in said.items() if key not in ("name", "weights")}, **found}}


def remembered_weights(data_dir: Path) -> dict[str, Path]:
    """The weights files that this library's models were used with, by the models' names."""
    choice = data_dir / CHOICE_FILE
    if not choice.is_file():
        return {}
    said = read_toml(choice)
    found = {str(name): Path(path) for name, path in said.get("weights", {}).items()}
    model = said.get("model", {})
    # As written before several models' files were remembered.
    return found if "weights" not in model else {model["name"]: Path(model["weights"]), **found}


def own_rules(data_dir: Path) -> dict[str, Any]:
    """The [labels] rules made on the web pages (`tagger.labels.rules`); empty if there are none."""
    path = data_dir / RULES_FILE
    return dict(read_toml(path).get("labels", {})) if path.is_file() else {}


def _with_rules(labels: Mapping[str, Any], rules: Mapping[str, Any]) -> dict[str, Any]:
    """Merge the rules of the web pages into [labels] of the config file, which wins for each entry."""
    merged = dict(labels)
    for key, value in rules.items():
        if isinstance(value, dict) and isinstance(labels.get(key, {}), dict):
            merged[key] = {**value, **labels.get(key, {})}
        elif isinstance(value, list) and isinstance(labels.get(key, []), list):
            merged[key] = [*labels.get(key, []), *(one for one in value if one not in labels.get(key, []))]
    return merged


def where_model_is_set(config_file: Path | None = None, environ: Mapping[str, str] | None = None) -> str:
    """The source that sets the model or its weights, and so overrides `tagger model use`; empty if none does."""
    environ = os.environ if environ is None else environ
    for data, source in (_from_environment(environ), _from_file(config_file, environ)):
        if {"name", "weights"} & set(data.get("model", ())):
            return source if source != "environment" else "the environment (TAGGER_MODEL_...)"
    return ""


def save_model_choice(settings: Settings, name: str, weights: Path | None) -> Path:
    """Save the name of this library's model, and the weights file that it is used with. Returns the file written.

    The files of other models stay remembered; `weights` None leaves this one's as it is.
    """
    lines = [
        "# Which model labels this library. Written by `tagger model use` and `tagger backfill --model`;",
        "# config.toml, TAGGER_MODEL_* and flags win over it.",
        "[model]",
        f"name = {json.dumps(name)}",
    ]
    files = remembered_weights(settings.data_dir) | ({} if weights is None else {name: weights.absolute()})
    if files:
        # A JSON string is a valid TOML basic string unless it has unpaired surrogates.
        lines += ["", "[weights]"]
        lines += [f"{json.dumps(key)} = {json.dumps(str(file), ensure_ascii=False)}" for key, file in files.items()]
    path = settings.data_dir / CHOICE_FILE
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def setting_keys() -> dict[str, Any]:
    """Every setting: dotted key -> pydantic field, in the order of config.example.toml."""
    keys: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        section = _section(field)
        if section is None:
            keys[name] = field
        else:
            keys |= {f"{name}.{inner.alias or key}": inner for key, inner in section.model_fields.items()}
    return keys


def value_of(settings: Settings, key: str) -> Any:
    """The value of a setting. `key`: as in "web.listen"."""
    section, _, name = key.rpartition(".")
    within = getattr(settings, section) if section else settings
    # A setting may be called what Python keeps for itself, and have another name there.
    names = {field.alias or own: own for own, field in type(within).model_fields.items()}
    return getattr(within, names[name])


def environment_name(key: str) -> str:
    """The environment variable of a dotted key."""
    return _ENV_PREFIX + key.replace(".", "_").upper()


def config_file_used(config_file: Path | None = None, environ: Mapping[str, str] | None = None) -> Path:
    """The config file that is read, whether it exists or not."""
    environ = os.environ if environ is None else environ
    named = config_file or (Path(environ["TAGGER_CONFIG"]) if environ.get("TAGGER_CONFIG") else None)
    return named or default_config_file()


def _section(field: Any) -> type[Section] | None:
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _from_file(config_file: Path | None, environ: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    path = config_file_used(config_file, environ)
    if not path.exists():
        if path == default_config_file():
            return {}, ""
        raise ConfigError(f"There is no config file {path}.", "Name an existing file with --config or TAGGER_CONFIG.")
    return _as_named_now(read_toml(path)), str(path)


def _as_named_now(data: dict[str, Any]) -> dict[str, Any]:
    """The same settings by their present names: `model.download = false` is `model.fetch = "never"` now."""
    model = data.get("model")
    if isinstance(model, dict) and isinstance(model.get("download"), bool):
        fetch = "auto" if model["download"] else "never"
        rest = {key: value for key, value in model.items() if key != "download"}
        return {**data, "model": {"fetch": fetch, **rest}}
    return data


def unknown_variables(environ: Mapping[str, str] | None = None) -> str:
    """A sentence about variables that look like settings and are none; empty if there are none.

    Docker's links and Kubernetes set such for a service that is called tagger (TAGGER_PORT, TAGGER_SERVICE_HOST), so
    they must not stop anything; a mistake in a name should not go unnoticed, either.
    """
    environ = os.environ if environ is None else environ
    settings = {environment_name(key) for key in setting_keys()}
    names = settings | {name + IN_FILE for name in settings} | _ENV_OTHER
    unknown = sorted(name for name in environ if name.startswith(_ENV_PREFIX) and name not in names)
    if not unknown:
        return ""
    near = {name: difflib.get_close_matches(name, names, n=1, cutoff=0.8) for name in unknown}
    hints = [f"{name} (did you mean {found[0]}?)" if found else name for name, found in near.items()]
    more = f" and {len(hints) - _MOST_NAMED} more" if len(hints) > _MOST_NAMED else ""
    return f"Ignored, because they are no settings of tagger: {', '.join(hints[:_MOST_NAMED])}{more}."


def _from_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], str]:
    fields = setting_keys()
    names = {environment_name(key): key for key in fields}
    environ = {**environ, **values_from_files(environ, names)}
    formerly = environ.get(_FORMERLY)
    if formerly is not None and _FETCH not in environ:
        environ = {**environ, _FETCH: "never" if formerly.strip().lower() == "false" else "auto"}
    data: dict[str, Any] = {}
    for name, text in environ.items():
        if name not in names:
            # Perhaps another program's; see unknown_variables.
            continue
        key = names[name]
        if not text.strip() and (fields[key].annotation is not str or key == "model.name"):
            # As a compose file leaves it: TAGGER_ENGINE_THREADS=${THREADS:-}
            continue
        if fields[key].annotation in (str, Path, Path | None) or get_origin(fields[key].annotation) is Literal:
            value: Any = text
        else:
            try:
                value = tomllib.loads(f"value = {text}")["value"]
            except tomllib.TOMLDecodeError:
                value = text
        _merge(data, {}, _nested(key, value), "")
    return data, "environment"


def _named(values: Mapping[str, Any]) -> str:
    """The model that the sources name, or would use without naming one."""
    return str(values.get("model", {}).get("name", ModelSettings().name))


def _nested(key: str, value: Any) -> dict[str, Any]:
    section, _, name = key.rpartition(".")
    return {section: {name: value}} if section else {name: value}


def _merge(into: dict[str, Any], sources: dict[str, str], data: Mapping[str, Any], source: str) -> None:
    for key, value in data.items():
        if isinstance(value, dict) and isinstance(into.get(key, {}), dict):
            section = into.setdefault(key, {})
            for name, inner in value.items():
                section[name] = inner
                sources[f"{key}.{name}"] = source
        else:
            into[key] = value
            sources[key] = source


def _validate(values: dict[str, Any], sources: dict[str, str]) -> Settings:
    try:
        # Through JSON, for which pydantic's strict mode accepts a list for a tuple and text for a path, but still
        # refuses "150" for a number.
        return Settings.model_validate_json(
            json.dumps(_for_json(values, sources), default=str), strict=True, context=WRITTEN_BY_A_PERSON
        )
    except ValidationError as error:
        problems = [_sentence(problem, values, sources) for problem in error.errors(include_url=False)]
    raise ConfigError("\n".join(problems))


def _for_json(values: Mapping[str, Any], sources: Mapping[str, str], at: str = "") -> dict[str, Any]:
    """The values with paths, which may be any bytes, as text that JSON can hold. Raises ConfigError for other text."""
    fields = setting_keys()
    found: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{at}.{name}" if at else name
        if key in fields and fields[key].annotation in (Path, Path | None) and isinstance(value, str | Path):
            value = stored_path(str(value))
        try:
            json.dumps([name, value], default=str, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            if not isinstance(value, Mapping) or key in fields:
                source = sources.get(key, "settings")
                raise ConfigError(f"{source}: {key} holds bytes that are no text in UTF-8.") from error
        found[name] = _for_json(value, sources, key) if isinstance(value, Mapping) and not at else value
    return found


def _sentence(problem: Any, values: dict[str, Any], sources: dict[str, str]) -> str:
    loc = [str(part) for part in problem["loc"]]
    fields = setting_keys()
    key = ".".join(loc[:2]) if ".".join(loc[:2]) in fields or loc[0] in _sections() else loc[0]
    source = sources.get(key) or next((s for k, s in sources.items() if k.startswith(key)), "settings")
    if source == "environment":
        source = f"environment variable {environment_name(key)}"
    if problem["type"] == "extra_forbidden":
        what = "section" if isinstance(values.get(loc[0]), dict) and len(loc) == 1 else "key"
        return f"{source}: unknown {what} {key}. " + _nearest(key, [*fields, *_sections()], what)
    found: Any = values
    for part in loc:
        if isinstance(found, dict) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
    shown_key = ".".join(loc)
    found = hidden(key, found)
    if key not in fields:
        return f"{source}: {shown_key} = {found!r} is not allowed: {problem['msg']}."
    why = f": {problem['ctx']['error']}" if problem["type"] == "value_error" else ""
    shown = _as_variable(key, found) if source.startswith("environment") else ""
    return f"{source}: {shown_key} = {found!r} is not allowed{why}. Allowed: {allowed(fields[key])}.{shown}"


def _as_variable(key: str, found: Any) -> str:
    """How a list or a table is written as an environment variable."""
    text = str(setting_keys()[key].annotation)
    if text.startswith("tuple"):
        words = [word.strip() for word in found.split(",")] if isinstance(found, str) else ["..."]
        return f" As a variable: {environment_name(key)}='{json.dumps(words, ensure_ascii=False)}'"
    if text.startswith("dict"):
        return f""" As a variable: {environment_name(key)}='{{"..." = ...}}'"""
    return ""


def _sections() -> list[str]:
    return [name for name, field in Settings.model_fields.items() if _section(field)]


def allowed(field: Any) -> str:
    """What a setting may be, in words, from its pydantic field."""
    if field.description:
        return str(field.description)
    kinds = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    kind = kinds.get(field.annotation)
    if kind is None:
        text = str(field.annotation)
        if "Path" in text:
            kind = "a path, as text"
        elif text.startswith("tuple"):
            kind = "a list of texts"
        elif "tuple" in text:
            kind = "a table of lists of texts"
        elif "float" in text:
            kind = "a table of numbers from 0 to 1"
        else:
            kind = "a table of texts"
    low = [b for m in field.metadata for b in (getattr(m, "ge", None),) if b is not None]
    above = [b for m in field.metadata for b in (getattr(m, "gt", None),) if b is not None]
    high = [b for m in field.metadata for b in (getattr(m, "le", None),) if b is not None]
    if low and high:
        return f"{kind} from {low[0]:g} to {high[0]:g}"
    parts = [f"above {above[0]:g}"] if above else []
    parts += [f"at least {low[0]:g}"] if low else []
    parts += [f"at most {high[0]:g}"] if high else []
    return " ".join([kind, " and ".join(parts)]).strip()


def _nearest(key: str, known: Any, what: str) -> str:
    near = difflib.get_close_matches(key, list(known), n=1, cutoff=0.5)
    if near:
        return f"Did you mean {near[0]}?"
    return f"No {what} is called like that; config.example.toml lists them all."
