from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from sensor.contract.errors import ConfigError
from sensor.contract.toml_file import load


class Fast(msgspec.Struct, tag="fast", tag_field="kind", forbid_unknown_fields=True):
    rate: int = 1


class Slow(msgspec.Struct, tag="slow", tag_field="kind", forbid_unknown_fields=True):
    path: str = ""


class Limit(msgspec.Struct, forbid_unknown_fields=True):
    kmh: int


class Config(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    input: Fast | Slow = msgspec.field(default_factory=Fast)
    limit: list[Limit] = msgspec.field(default_factory=list)


def load_text(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "x.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, Config)


def test_a_good_file_is_read(tmp_path: Path) -> None:
    config = load_text(tmp_path, 'name = "Åskolan"\n[input]\nkind = "slow"\npath = "a"\n')
    assert config == Config(name="Åskolan", input=Slow(path="a"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('nam = "a"\n', "line 1: nam is not a known key: did you mean name?"),
        ("", "the key name is missing: add it"),
        ("name = 3\n", "line 1: name: expected `str`, got `int`"),
        ('name="a"\n\n[input]\nkind="slow"\npaht="b"\n', "line 5: input.paht .* mean path?"),
        ('name="a"\n[input]\nkind="odd"\n', "line 3: input.kind: invalid value 'odd'"),
        ('name="a"\n[[limit]]\nkmh=30\n[[limit]]\nkmh="x"\n', r"line 5: limit\[1\].kmh: expected"),
        ('name="a"\n[[limit]]\nkhm=30\n', r"line 3: limit\[0\].khm .* mean kmh?"),
        ("name = \n", "is not TOML"),
        ("name = " + "[" * 3000, "is not TOML"),
        ("name = " + "9" * 5000, "is not TOML"),
        ('name = "a\\u0000b"\n', "NUL character: leave it out"),
        ('"a\\u0000" = 1\n', "NUL character: leave it out"),
        ('name="a"\n[input]\nkind="a\\nb"\n', r"line 3: input.kind: invalid value 'a\\nb'"),
        ('name="a"\n"x\\ny"=1\n', r"x\\ny is not a known key"),
    ],
)
def test_a_mistake_is_explained_with_its_line_and_key(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as refused:
        load_text(tmp_path, text)
    assert str(refused.value).isprintable()


def test_a_missing_file_and_other_bytes_say_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "none.toml", Config)
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe5"')
    with pytest.raises(ConfigError, match="UTF-8"):
        load(tmp_path / "latin.toml", Config)
