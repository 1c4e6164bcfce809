"""The README says what is so."""

import re
from pathlib import Path

from convatlas.analysis import check_facts
from tests.cli.run import convatlas

README = Path(__file__).parent.parent.joinpath("README.md").read_text()


def test_python_blocks_run(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    printed = capsys.readouterr().out.split()
    assert printed == re.findall(r"# (\d+)$", README, re.MULTILINE)


def test_table_holds_what_is_recomputed():
    rows = re.findall(r"^\| `(\w+)` \| ([\w-]+) \| (\S+) \| ([\d,]+) \| (\w+) \|", README, re.M)
    assert len(rows) == 9
    for net, quantity, printed, measured, verdict in rows:
        facts = {
            (c.fact.quantity.replace("_", "-"), c.fact.printed, f"{c.measured:,}", c.verdict)
            for c in check_facts(net)
            if c.fact.variant == net
        }
        assert (quantity, printed, measured, verdict) in facts


def test_named_commands_exist():
    text = convatlas("--help").out
    steps = README.partition("## Single steps")[2].partition("##")[0]
    commands = re.findall(r"^\| `(\w+) ", steps, re.MULTILINE)
    assert len(commands) >= 6
    assert all(command in text for command in commands)


def test_pictures_are_there():
    for picture in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert Path(__file__).parent.parent.joinpath(picture).exists()
