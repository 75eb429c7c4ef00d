"""Messages in Chinese: by the environment or `--lang`; never in JSON or in files."""

import ast
import json
import re
from pathlib import Path
from string import Formatter

import pytest

import deltarule as dr
from deltarule.chinese import MESSAGES
from deltarule.cli.main import COMMANDS, app
from deltarule.cli.terminal import error_message
from deltarule.errors import DeltaruleError, Diverged
from deltarule.language import language_of, message, speaking

SOURCE = Path(dr.__file__).parent
CHINESE = re.compile("[\u4e00-\u9fff]")
TRAIN = ["train", "iris", "--epochs", "2", "--hidden", "3", "--output", "run"]


@pytest.fixture
def shell(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments, language="en_US.UTF-8"):
        monkeypatch.setenv("LANG", language)
        with pytest.raises(SystemExit) as ended:
            app(list(arguments))
        return ended.value.code, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"), ({"LANG": "C"}, "en"), ({"LANG": "zh_CN.UTF-8"}, "zh"), ({"LANG": "fr_FR"}, "en"),
        ({"LC_ALL": "en_US", "LANG": "zh_CN"}, "en"), ({"LC_ALL": "", "LC_MESSAGES": "zh_TW"}, "zh"),
    ],
)  # fmt: skip
def test_the_language_of_an_environment(environment, language):
    assert language_of(None, environment) == language
    assert language_of("en", environment) == "en"
    assert language_of("ZH-hans", environment) == "zh"


def test_training_in_chinese_and_its_results_as_in_english(shell, tmp_path):
    code, output, messages = shell(*TRAIN, "--json", language="zh_CN.UTF-8")
    assert code == 0
    assert "个训练样本" in messages
    assert "全部结果在 run 中" in messages
    assert not CHINESE.search(output)
    assert json.loads(output)["status"] == "finished"
    for path in (tmp_path / "run").glob("*.json*"):
        assert not CHINESE.search(path.read_text(encoding="utf-8"))
    _, again, english = shell(*TRAIN[:-1], "again", "--json", "--lang", "en", language="zh_CN.UTF-8")
    assert not CHINESE.search(english)
    assert "Everything is in again" in english
    assert json.loads(again)["metrics"] == json.loads(output)["metrics"]


@pytest.mark.parametrize("place", [0, 2, 8])
def test_the_option_can_be_anywhere(shell, place):
    code, _, messages = shell(*TRAIN[:place], "--lang=zh", *TRAIN[place:])
    assert code == 0
    assert "全部结果在 run 中" in messages


def test_errors_and_help(shell):
    code, _, messages = shell("train", "iris", "--epochs", "0", "--lang", "zh")
    assert code == 2
    assert messages == "需要：an integer of at least 1（--epochs）；实际：0。可试：--epochs 100\n"
    assert shell("train", "--lerning-rate", "1", "--lang", "zh")[2].startswith("没有选项 --lerning-rate。")
    assert "用一个数据集训练网络" in shell("--lang", "zh", "--help")[1]
    assert "用一个数据集训练网络" in shell("train", "--help", "--lang", "zh")[1]
    assert not CHINESE.search(shell("--lang", "fr", "--help", language="zh_CN.UTF-8")[1])
    assert "--lang" in shell("--help")[1]
    assert shell("--lang")[0] == 2


@pytest.mark.parametrize(
    "error",
    [
        DeltaruleError("a"),
        DeltaruleError("a", "b"),
        DeltaruleError("a", "{b}", "c", field="d"),
        Diverged("a", "b"),
    ],
)
def test_the_english_sentence_of_an_error_is_its_text(error):
    assert error_message(error) == str(error)


def test_the_catalogue_has_all_messages_of_the_source_with_their_fields():
    used = {source.help for source in COMMANDS.values()}
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "message":
                continue
            if isinstance(node.args[0], ast.Constant):
                used.add(node.args[0].value)
    assert used <= set(MESSAGES)
    for english, chinese in MESSAGES.items():
        assert {field for _, field, _, _ in Formatter().parse(chinese) if field} <= {
            field for _, field, _, _ in Formatter().parse(english) if field
        }
        assert english[:1] != " " or english.strip() != chinese


def test_a_message_is_in_the_language_of_its_context():
    assert message("{n} epochs", n=2) == "2 epochs"
    with speaking("zh"):
        assert message("{n} epochs", n=2) == "2 轮"
        assert message("of no catalogue") == "of no catalogue"
    assert message("Interrupted.") == "Interrupted."
