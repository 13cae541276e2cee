"""What holds after each step of the tutorial: a reader may stop at any of them."""

from pathlib import Path

import pytest

from need import need
from totpcore.testing import HandClock
from tutorial.small_panel import LAST, Panel, Visitor

need("oathtool")

SET_UP, CODE, RECOVERY = 3, 4, 5  # the steps that bring these

each_step = pytest.mark.parametrize("step", range(1, LAST + 1))


@pytest.fixture
def panel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> Panel:
    """The panel after a step; Ada has a second factor where the step has set-up."""
    clock = HandClock(1_800_000_000)
    monkeypatch.setattr("time.time", clock)
    panel = Panel(tmp_path, clock, monkeypatch, step)
    if step >= SET_UP:
        panel.set_up()
    return panel


@each_step
def test_only_a_post_acts(panel: Panel, step: int) -> None:
    """Flask leads HEAD to the pages that have a form. It has no token, so nothing that comes with it is looked at."""
    visitor = Visitor(panel)
    asked = visitor.head("/login", login="ada", password=panel.password)
    assert (asked.status_code, asked.data) == (200, b"")
    assert visitor.get("/").location == "/login"
    if step >= CODE:
        visitor.give_password()
        before = panel.factor.status(panel.ada)
        assert visitor.head("/code", code=panel.code()).status_code == 200
        if step >= RECOVERY:
            assert visitor.head("/recovery", code=panel.recovery_codes[0]).status_code == 200
        assert panel.factor.status(panel.ada) == before, "neither code is spent"
        assert visitor.get("/").location == "/code"
    for rule in panel.app.url_map.iter_rules():
        if "GET" not in (rule.methods or set()):
            assert visitor.head(rule.rule).status_code == 405, rule.rule
