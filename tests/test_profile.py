"""Target profiles: what is refused, and in which words."""

from pathlib import Path

import pytest

from fixtures.profile import ProfileError, load, names


def write(path: Path, text: str) -> str:
    """Write a profile file and return its path as `--target` takes it."""
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", names())
def test_every_shipped_profile_is_valid(name: str) -> None:
    """Every profile in fixtures/targets loads, and is called what its file is called."""
    assert load(name).target.name == name


def test_staging_carries_the_plans_values() -> None:
    """The lock of staging holds the values of the plan's appendix."""
    lock = load("staging").lock
    assert lock.timeouts.model_dump() == {
        "initialization_timeout": 75.0,
        "table_setup_timeout": 25.0,
        "connection_timeout": 35.0,
        "pool_timeout": 45.0,
        "health_check_timeout": 20.0,
    }
    assert (lock.pool.pool_size, lock.pool.max_overflow, lock.pool.pool_timeout) == (10, 15, 90.0)
    assert (lock.revision.memory, lock.revision.cpu) == (4 * 2**30, 4000)


def test_the_replica_is_judged_by_stagings_lock() -> None:
    """The replica has the same lock and the same names as staging, so being green means the same there."""
    staging, replica = load("staging"), load("replica")
    assert replica.lock == staging.lock
    assert (replica.connector, replica.services, replica.secrets) == (
        staging.connector,
        staging.services,
        staging.secrets,
    )
    assert (staging.target.kind, replica.target.kind) == ("live", "replica")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[connector]\nnam = "x"', "connector.nam: no such key (nearest: name); known here: name"),
        ("[connector]\nname = 7", "connector.name: input should be a valid string, got 7"),
        (
            "[lock.timeouts]\npool_timeout = 45",
            (
                "lock.timeouts.pool_timeout: 45 is not a duration; write a number and its unit (ms, s, min, h, d), "
                'like "75.0 s"'
            ),
        ),
        (
            '[lock.connector]\nmax_cpu = "0.8"',
            "lock.connector.max_cpu: '0.8' is not a share; write a percentage, like \"80 %\"",
        ),
        (
            '[lock.revision]\nmemory = "4 gigs"',
            "lock.revision.memory: '4 gigs' is not an amount of memory; write it as Cloud Run does, like \"4Gi\"",
        ),
        (
            '[database]\nvia = "cloud-sql-connector"\nhost = "10.1.0.3"',
            'database: host and port cannot be given with via = "cloud-sql-connector", which asks the SQL Admin API',
        ),
        ("[lock.limits]\nsessions = 2", "lock.limits.sessions: input should be greater than or equal to 5, got 2"),
    ],
)
def test_a_mistake_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    """A wrong key, type or unit is one line: file, key, what is wrong."""
    path = write(tmp_path / "mine.toml", f'extends = "staging"\n{text}\n')
    with pytest.raises(ProfileError) as error:
        load(path)
    assert str(error.value) == f"{path}: {message}"


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    """A profile with two mistakes is refused with two lines."""
    path = write(
        tmp_path / "mine.toml", 'extends = "staging"\n[connector]\nnam = "x"\n[lock.pool]\npool_size = "ten"\n'
    )
    with pytest.raises(ProfileError) as error:
        load(path)
    assert len(str(error.value).splitlines()) == 2


def test_an_unknown_name_offers_the_nearest() -> None:
    """A mistyped target offers the nearest one and lists all."""
    with pytest.raises(
        ProfileError, match=r"'stagin' is not known \(nearest: staging\); known: production, replica, staging"
    ):
        load("stagin")


def test_a_file_that_extends_another_overrides_only_what_it_says(tmp_path: Path) -> None:
    """A profile that extends staging keeps every key that it does not name."""
    path = write(tmp_path / "mine.toml", 'extends = "staging"\n[connector]\nname = "netra-connector"\n')
    mine = load(path)
    assert mine.connector.name == "netra-connector"
    assert mine.lock == load("staging").lock


def test_extending_in_a_circle_is_refused(tmp_path: Path) -> None:
    """Two profiles that extend each other are refused in words."""
    write(tmp_path / "a.toml", 'extends = "b.toml"\n')
    write(tmp_path / "b.toml", 'extends = "a.toml"\n')
    with pytest.raises(ProfileError, match="goes round in a circle"):
        load(str(tmp_path / "a.toml"))


def test_an_optional_table_is_left_out_only_with_a_reason(tmp_path: Path) -> None:
    """A profile without Redis must say why, so that a forgotten section never makes a criterion vanish."""
    whole = Path(__file__).parent.parent / "fixtures/targets/staging.toml"
    start, end = "[redis]", "[secrets]"
    text = whole.read_text(encoding="utf-8")
    without = text[: text.index(start)] + text[text.index(end) :]
    with pytest.raises(ProfileError, match=r"redis: this table is missing; declare it, or give the reason"):
        load(write(tmp_path / "mine.toml", without))
    reasoned = without + '\n[not_declared]\nredis = "this environment has none"\n'
    assert load(write(tmp_path / "mine.toml", reasoned)).redis is None


def test_a_file_that_is_no_toml_is_refused_in_words(tmp_path: Path) -> None:
    """A file that does not parse is named, with the place of the error."""
    path = write(tmp_path / "mine.toml", "[connector\n")
    with pytest.raises(ProfileError, match=r"mine\.toml: not valid TOML: .*line 1"):
        load(path)
