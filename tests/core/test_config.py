import os
import tomllib
from pathlib import Path

import pytest

from tagger.core.config import Settings
from tagger.core.config_sources import (
    environment_name,
    load_settings,
    save_model_choice,
    setting_keys,
    unknown_variables,
)
from tagger.core.errors import ConfigError

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
# Their defaults depend on the machine; the example has them commented out.
UNSET = {"data_dir", "model.name", "model.weights", "labels.show_threshold", "keywords.sidecar_folder"}


def test_example_covers_every_setting_with_its_default() -> None:
    data = tomllib.loads(EXAMPLE.read_text())
    defaults = Settings().model_dump(mode="json", by_alias=True)
    found = {}
    for key, value in data.items():
        if isinstance(value, dict):
            found |= {f"{key}.{name}": inner for name, inner in value.items()}
        else:
            found[key] = value
    assert set(found) | UNSET == set(setting_keys())
    for key, value in found.items():
        section, _, name = key.rpartition(".")
        assert (defaults[section][name] if section else defaults[key]) == value, key


def test_example_mentions_every_unset_setting_and_gives_each_a_reason() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for key in UNSET:
        assert any(line.startswith(f"# {key.rpartition('.')[2]} = ") for line in lines), key
    for number, line in enumerate(lines):
        if line and line[0] not in "#[":
            assert lines[number - 1].startswith("# "), f"no reason above: {line}"


def test_example_loads_as_a_config_file(tmp_path: Path) -> None:
    environ = {"TAGGER_DATA_DIR": str(tmp_path)}
    assert load_settings(EXAMPLE, environ=environ) == Settings(data_dir=tmp_path)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[engine]\nbatchsize = 4", ["engine.batchsize", "engine.batch_size"]),
        ("[modle]\nname = 'x'", ["section modle", "model"]),
        ("databse = ''", ["databse", "database"]),
        ("[engine]\nbatch_size = 0", ["engine.batch_size", "0", "a whole number from 1 to 512"]),
        ("[engine]\nbatch_size = 'many'", ["engine.batch_size", "'many'", "a whole number from 1 to 512"]),
        ("[engine]\nbatch_size = true", ["engine.batch_size", "True", "a whole number"]),
        ("[intake]\nhidden = 1", ["intake.hidden", "1", "true or false"]),
        ("[intake]\nignore = 'x'", ["intake.ignore", "'x'", "a list of texts"]),
        ("[labels]\nshow_threshold = 1.5", ["labels.show_threshold", "1.5", "a number from 0 to 1"]),
        ("[labels.thresholds]\ndog = 3", ["labels.thresholds.dog", "3", "numbers from 0 to 1"]),
        ("[labels.merge]\ncat = 'tabby'", ["labels.merge.cat", "'tabby'", "lists of texts"]),
        ("engine = 3", ["engine", "3"]),
        ("x = [", ["not valid TOML"]),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, parts: list[str]) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environ={})
    for part in [str(path), *parts]:
        assert part in str(caught.value)
    assert caught.value.exit_code == 2


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(tmp_path, "[engine]\nbatch_size = 0\nthreads = -1"), environ={})
    assert "engine.batch_size" in str(caught.value)
    assert "engine.threads" in str(caught.value)


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no config file"):
        load_settings(tmp_path / "nothing.toml", environ={})
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path, environ={})


def test_later_sources_win(tmp_path: Path) -> None:
    data = tmp_path / "data"
    path = write(tmp_path, f"data_dir = '{data}'\n[engine]\nbatch_size = 4\nthreads = 1\n")
    environ = {"TAGGER_ENGINE_BATCH_SIZE": "5", "TAGGER_MODEL_NAME": "vgg16"}
    settings = load_settings(path, {"engine.batch_size": 6, "model.name": None}, environ)
    assert (settings.engine.batch_size, settings.engine.threads) == (6, 1)
    assert settings.model.name == "vgg16"
    assert settings.data_dir == data


def test_every_setting_has_an_environment_variable() -> None:
    values = {
        "data_dir": ("/somewhere", lambda s: str(s.data_dir), "/somewhere"),
        "intake.ignore": ('["a", "b"]', lambda s: s.intake.ignore, ("a", "b")),
        "intake.hidden": ("true", lambda s: s.intake.hidden, True),
        "limits.megapixels": ("12.5", lambda s: s.limits.megapixels, 12.5),
        "model.name": ("123", lambda s: s.model.name, "123"),
        "labels.rename": ('{"a" = "b"}', lambda s: s.labels.rename, {"a": "b"}),
    }
    for key, (text, get, expected) in values.items():
        assert get(load_settings(environ={environment_name(key): text})) == expected, key


def test_wrong_environment_variables() -> None:
    with pytest.raises(ConfigError, match=r"TAGGER_ENGINE_THREADS.*a whole number from 0 to 256"):
        load_settings(environ={"TAGGER_ENGINE_THREADS": "two"})


# What Kubernetes and Docker's links set for a service that is called tagger, and two mistakes.
FOREIGN = {
    "TAGGER_PORT": "tcp://10.0.0.7:8643",
    "TAGGER_PORT_8643_TCP": "tcp://10.0.0.7:8643",
    "TAGGER_PORT_8643_TCP_ADDR": "10.0.0.7",
    "TAGGER_PORT_8643_TCP_PORT": "8643",
    "TAGGER_PORT_8643_TCP_PROTO": "tcp",
    "TAGGER_SERVICE_HOST": "10.0.0.7",
    "TAGGER_SERVICE_PORT": "8643",
    "TAGGER_SERVICE_PORT_HTTP": "8643",
    "TAGGER_ENV_PATH": "/usr/bin",
    "TAGGER_NAME": "/web/tagger",
}


def test_foreign_variables_stop_nothing_and_are_told_once() -> None:
    assert load_settings(environ=FOREIGN) == load_settings(environ={})
    told = unknown_variables(FOREIGN)
    assert told.startswith("Ignored, because they are no settings of tagger: TAGGER_ENV_PATH, ")
    assert told.endswith(" and 5 more.")
    assert unknown_variables({"TAGGER_ENGINE_THREADS": "2", "TAGGER_MODEL_DOWNLOAD": "false", "HOME": "/"}) == ""
    mistaken = {"TAGGER_ENGINE_THREAD": "2"}
    assert load_settings(environ=mistaken) == load_settings(environ={})
    assert "TAGGER_ENGINE_THREAD (did you mean TAGGER_ENGINE_THREADS?)" in unknown_variables(mistaken)


def test_chosen_model_is_the_weakest_source(tmp_path: Path) -> None:
    data = {"TAGGER_DATA_DIR": str(tmp_path)}
    weights = tmp_path / 'a "quoted" \\ name ü.h5'
    save_model_choice(load_settings(environ=data), "mobilenet_v2", weights)
    chosen = load_settings(environ=data)
    assert (chosen.model.name, chosen.model.weights) == ("mobilenet_v2", weights)
    assert load_settings(environ=data | {"TAGGER_MODEL_NAME": "vgg16"}).model.name == "vgg16"
    assert load_settings(None, {"model.name": "vgg16"}, data).model.weights is None


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().model.name = "x"  # type: ignore[misc]


def numbers() -> list[str]:
    return [key for key, field in setting_keys().items() if field.annotation in (int, float)]


@pytest.mark.parametrize("key", numbers())
@pytest.mark.parametrize("value", ["inf", "-inf", "nan", "-1", "1e300", "99999999999999999999"])
def test_no_number_is_absurd(key: str, value: str, tmp_path: Path) -> None:
    """In the environment as in a file, which is where the sentence says it is."""
    section, _, name = key.rpartition(".")
    for environ, file, where in (
        ({environment_name(key): value}, None, environment_name(key)),
        ({}, write(tmp_path, f"[{section}]\n{name} = {value}"), "config.toml"),
    ):
        with pytest.raises(ConfigError) as caught:
            load_settings(file, environ={"TAGGER_DATA_DIR": str(tmp_path), **environ})
        assert where in caught.value.message
        assert "Allowed: a" in caught.value.message
        assert name in caught.value.message


@pytest.mark.parametrize("key", ["service.rescan", "service.upkeep"])
@pytest.mark.parametrize("value", ["99 4 * * *", "0 4 * * 8", "99999999999d", "6 hours", "0 0 31 2 *"])
def test_a_schedule_is_checked_where_it_is_read(key: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ={environment_name(key): value})
    assert environment_name(key) in caught.value.message
    assert '"0 4 * * *"' in caught.value.message


TEXT = '[engine]\nthreads = 3\n[labels.rename]\n"Käse" = "x"\n'


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r\n").encode("utf-8-sig"),
        TEXT.replace("\n", "\r").encode(),
    ],
)
def test_a_config_file_as_any_editor_saves_it(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(data)
    settings = load_settings(path, environ={"TAGGER_DATA_DIR": str(tmp_path)})
    assert settings.engine.threads == 3
    assert settings.labels.rename == {"Käse": "x"}


def test_what_is_no_config_file_is_said(tmp_path: Path) -> None:
    def fault(path: Path) -> str:
        with pytest.raises(ConfigError) as caught:
            load_settings(path, environ={"TAGGER_DATA_DIR": str(tmp_path)})
        return str(caught.value)

    latin = tmp_path / "latin.toml"
    latin.write_bytes(TEXT.encode("latin-1"))
    assert "is not text in UTF-8 (line 4)" in fault(latin)
    (tmp_path / "folder.toml").mkdir()
    assert "it is no file" in fault(tmp_path / "folder.toml")
    os.mkfifo(tmp_path / "pipe.toml")
    assert "it is no file" in fault(tmp_path / "pipe.toml")
    (tmp_path / "half.toml").write_bytes(b"\xff\xfe[\x00x")
    assert "half.toml" in fault(tmp_path / "half.toml")
    (tmp_path / "empty.toml").touch()
    assert load_settings(tmp_path / "empty.toml", environ={"TAGGER_DATA_DIR": str(tmp_path)}) == Settings(
        data_dir=tmp_path
    )


def test_empty_variables_are_not_set(tmp_path: Path) -> None:
    environ = {environment_name(key): "" for key, field in setting_keys().items() if field.annotation is not str}
    environ |= {"TAGGER_MODEL_NAME": " ", "TAGGER_DATA_DIR": str(tmp_path)}
    assert load_settings(environ=environ) == Settings(data_dir=tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "shows"),
    [
        ("TAGGER_KEYWORDS_FOR", "immich", """TAGGER_KEYWORDS_FOR='["immich"]'"""),
        ("TAGGER_KEYWORDS_FOR", "immich, digikam", """TAGGER_KEYWORDS_FOR='["immich", "digikam"]'"""),
        ("TAGGER_LABELS_SILENCE", "tiger", """TAGGER_LABELS_SILENCE='["tiger"]'"""),
        ("TAGGER_LABELS_RENAME", "cat=dog", """TAGGER_LABELS_RENAME='{"..." = ...}'"""),
    ],
)
def test_a_list_in_the_environment_is_shown_how(name: str, value: str, shows: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ={name: value, "TAGGER_DATA_DIR": str(tmp_path)})
    assert shows in caught.value.message


def test_a_home_that_nobody_has_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no home folder") as caught:
        load_settings(environ={"TAGGER_DATA_DIR": "~nobody-of-this-name/x"})
    assert "TAGGER_DATA_DIR" in caught.value.message


@pytest.mark.parametrize("name", ["K\udce4se", "Käse", "\uef80", "日本"])
def test_paths_are_any_bytes(name: str, tmp_path: Path) -> None:
    settings = load_settings(
        environ={
            "TAGGER_DATA_DIR": f"{tmp_path}/{name}",
            "TAGGER_MODEL_WEIGHTS": f"/w/{name}.h5",
            "TAGGER_KEYWORDS_SIDECAR_FOLDER": f"/s/{name}",
        }
    )
    assert settings.data_dir == tmp_path / name
    assert settings.model.weights == Path(f"/w/{name}.h5")
    assert settings.keywords.sidecar_folder == Path(f"/s/{name}")


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("keywords.prefix", "\udce4", "no text in UTF-8"),
        ("labels.rename", '{"K\udce4se" = "x"}', "no text in UTF-8"),
        ("intake.ignore", '["*.tmp", "[z-a]"]', "'[z-a]' is no pattern"),
        ("web.listen", "127.0.0.1:99999", "a port is from 0 to 65535"),
        ("service.health", "127.0.0.1:70000", "a port is from 0 to 65535"),
    ],
)
def test_nonsense_is_told_where_it_is_read(key: str, value: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ={environment_name(key): value, "TAGGER_DATA_DIR": str(tmp_path)})
    assert says in caught.value.message
    assert key in caught.value.message


def test_a_value_may_stand_in_a_file_that_a_variable_names(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("$argon2id$v=19$m=65536\n")
    there = {"TAGGER_WEB_PASSWORD_HASH_FILE": str(secret)}
    assert load_settings(environ=there).web.password_hash == "$argon2id$v=19$m=65536"
    assert unknown_variables(there) == ""
    # As a compose file leaves it: TAGGER_DATABASE_FILE=${SECRET:-}
    assert load_settings(environ={"TAGGER_DATABASE_FILE": ""}).database == load_settings(environ={}).database
    (tmp_path / "threads").write_text("3")
    assert load_settings(environ={"TAGGER_ENGINE_THREADS_FILE": str(tmp_path / "threads")}).engine.threads == 3


@pytest.mark.parametrize(("data", "why"), [(None, "No such file"), (b"\xff\xfe\xff", "not text in UTF-8")])
def test_a_file_of_a_value_that_cannot_be_read_is_told(tmp_path: Path, data: bytes | None, why: str) -> None:
    if data is not None:
        (tmp_path / "secret").write_bytes(data)
    named = {"TAGGER_DATABASE_FILE": str(tmp_path / "secret")}
    with pytest.raises(ConfigError, match=f"TAGGER_DATABASE_FILE names .*secret, which .*{why}"):
        load_settings(environ=named)
    with pytest.raises(ConfigError, match="TAGGER_DATABASE and TAGGER_DATABASE_FILE are both set"):
        load_settings(environ={**named, "TAGGER_DATABASE": "sqlite:///x"})
