from __future__ import annotations

from pathlib import Path

import pytest

from herald.documents import ConfigurationError
from herald.settings import PROJECT_ROOT, Settings, apart, load_settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"HERALD_{name.upper()}", raising=False)


def failure(**overrides: object) -> str:
    with pytest.raises(ConfigurationError) as error:
        load_settings(**overrides)
    return str(error.value)


def test_the_default_is_embedded_on_this_machine_only() -> None:
    settings = load_settings()
    assert (settings.profile, settings.bus, settings.api_host) == ("embedded", "redis", "127.0.0.1")
    assert settings.home == PROJECT_ROOT / ".herald"
    assert settings.configs == PROJECT_ROOT / "configs"


def test_the_environment_is_read_with_its_prefix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HERALD_HOME", str(tmp_path))
    monkeypatch.setenv("HERALD_API_PORT", "9000")
    monkeypatch.setenv("API_PORT", "1")
    assert (load_settings().home, load_settings().api_port) == (tmp_path, 9000)


def test_an_argument_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERALD_BUS", "kafka")
    assert load_settings(bus="redis").bus == "redis"


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERALD_API_PORT", "")
    assert load_settings().api_port == 8800


def test_a_home_with_a_tilde_or_dots_becomes_one_absolute_path() -> None:
    assert load_settings(home="~/somewhere").home == Path("~/somewhere").expanduser().resolve()
    assert load_settings(home="a/../b").home == Path("b").resolve()


def test_a_wrong_value_is_named_by_its_variable_with_what_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERALD_API_PORT", "70000")
    assert failure().startswith("HERALD_API_PORT: ")
    assert "70000" in failure()


def test_every_wrong_value_is_told_at_once() -> None:
    assert len(failure(api_port=-1, bus="pigeon").splitlines()) == 2


def test_the_services_profile_names_every_address_that_is_missing() -> None:
    message = failure(profile="services", redis_url="redis://127.0.0.1:1")
    assert "HERALD_POSTGRES_URL, HERALD_CLICKHOUSE_URL" in message
    assert "HERALD_REDIS_URL" not in message
    assert "HERALD_PROFILE=embedded" in message


def test_the_services_profile_is_whole_with_its_addresses() -> None:
    urls = {f"{name}_url": f"{name}://user:hush@127.0.0.1:1" for name in ("redis", "postgres", "clickhouse")}
    settings = load_settings(profile="services", **urls)
    assert settings.profile == "services"
    assert "hush" not in repr(settings)
    assert "hush" not in str(settings.model_dump(mode="json"))
    assert settings.redis_url is not None
    assert "hush" in settings.redis_url.get_secret_value()


def test_a_failure_tells_no_secret() -> None:
    assert "hush" not in failure(profile="services", redis_url="redis://user:hush@127.0.0.1:1")


def test_settings_do_not_change_while_herald_runs() -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.api_port = 1


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("postgres_url", "mysql://me:s3cret@host/db", "postgresql://"),
        ("redis_url", "localhost:6379", "redis://"),
        ("clickhouse_url", "nonsense", "clickhouse://"),
        ("mlflow_url", "file:///x", "https://"),
        ("kafka", "localhost", "host:port"),
        ("kafka", "a:1,b", "host:port"),
    ],
)
def test_an_address_of_another_kind_is_refused_without_telling_its_secret(name: str, given: str, words: str) -> None:
    told = failure(**{name: given})
    assert told.startswith(f"HERALD_{name.upper()}: ")
    assert words in told
    assert "s3cret" not in told


@pytest.mark.parametrize("given", ["localhost:9092", "a:1,b:2", "[::1]:9092"])
def test_an_address_of_brokers_is_taken(given: str) -> None:
    assert load_settings(kafka=given).kafka == given


def test_a_run_apart_touches_neither_the_users_servers_nor_their_ray(tmp_path: Path) -> None:
    own = load_settings(
        profile="services",
        redis_url="redis://host/0",
        postgres_url="postgresql://host/herald",
        clickhouse_url="clickhouse://host/herald",
        kafka="host:9092",
        ray_address="ray://host:10001",
        bus="kafka",
    )
    demo = apart(own, tmp_path)
    assert (demo.home, demo.profile, demo.kafka, demo.ray_address, demo.bus) == (
        tmp_path, "embedded", None, None, "kafka",
    )  # fmt: skip


def test_the_folder_of_an_encoder_is_found_from_wherever_a_worker_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert load_settings(encoder="mine").encoder == str(tmp_path.resolve() / "mine")
    assert load_settings(encoder="org/name@abc").encoder == "org/name@abc"
    assert load_settings().encoder == ""
