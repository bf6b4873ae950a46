"""Settings from the environment (SEED R1, R2)."""

from pathlib import Path

import pytest

from iai.config.settings import Settings, declared, from_environment

REFRESH = "IAI_MCP_SESSION_CACHE_REFRESH_MIN_SEC"
MAX_AGE = "IAI_MCP_SESSION_CACHE_MAX_AGE_SEC"


def test_without_any_variable_every_setting_has_its_default() -> None:
    settings, warnings = from_environment({"HOME": "/home/u"})
    assert settings == Settings(store=Path("/home/u/.iai-mcp"))
    assert (settings.refresh_min_s, settings.max_age_s) == (60.0, 43_200.0)
    assert warnings == []


def test_the_store_is_absolute() -> None:
    settings, _ = from_environment({"IAI_MCP_STORE": "here"})
    assert settings.store == Path.cwd() / "here"


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf", "1e999", "0x10", "1,5"])
def test_a_bad_value_means_the_default_and_one_warning(value: str) -> None:
    settings, warnings = from_environment({REFRESH: value})
    assert settings.refresh_min_s == 60.0
    (warning,) = warnings
    assert REFRESH in warning
    assert value in warning
    assert "using 60" in warning


@pytest.mark.parametrize(
    ("value", "seconds"), [("0", 0.0), ("1.5", 1.5), (" 90 ", 90.0), ("", 60.0)]
)
def test_a_good_value_is_used(value: str, seconds: float) -> None:
    settings, warnings = from_environment({REFRESH: value})
    assert settings.refresh_min_s == seconds
    assert warnings == []


def test_no_limit_on_age_is_zero() -> None:
    assert from_environment({MAX_AGE: "0"})[0].max_age_s == 0


def test_a_whole_number_stays_one() -> None:
    settings, _ = from_environment({"IAI_MCP_LEDGER_DAYS": "7"})
    assert settings.ledger_days == 7
    assert isinstance(settings.ledger_days, int)


def test_every_setting_is_declared_with_a_variable_of_its_own() -> None:
    variables = [setting.variable for setting in declared().values()]
    assert set(declared()) == set(Settings.__struct_fields__)
    assert len(set(variables)) == len(variables)
    assert all(variable.startswith("IAI_MCP_") for variable in variables)
