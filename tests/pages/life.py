"""An administrator's whole life on a panel, without a browser: for each store a panel may have."""

import re

from browser.site import PASSWORD, Account
from pages.live import Live, codes_in, key_in


def live_through(live: Live) -> None:
    """Set up, wrong code, right code, log in, the same code again, a recovery code twice, a reset by the owner."""
    owner, ada = live.add("owner", owner=True), live.add("ada")
    visitor = live.visitor()
    visitor.give_password("ada")
    ada = Account(ada.id, "ada", key_in(visitor.post("/profile/two-factor/setup")))
    assert "not right" in visitor.post("/profile/two-factor/confirm", code=live.wrong_code(ada)).text
    codes = codes_in(visitor.post("/profile/two-factor/confirm", code=ada.code(live.now())))
    assert len(set(codes)) == 10
    live.tick(60)
    live.visitor().log_in(ada)
    assert refused(live, "/login/code", ada.code(live.now()))
    recovering = live.visitor()
    recovering.give_password("ada")
    assert recovering.post("/login/recovery", code=codes[0]).status_code == 302
    assert refused(live, "/login/recovery", codes[0])
    status = live.factor.statuses([ada.id, owner.id])
    assert [getattr(status[user], "codes_left", None) for user in (ada.id, owner.id)] == [9, 0]
    boss = live.visitor()
    boss.log_in(owner)
    boss.get(f"/setup/staff/administrators/{ada.id}")
    reset = boss.post(f"/setup/staff/administrators/{ada.id}/reset", own_password=PASSWORD, reason="x")
    assert reset.status_code == 200, "it shows the new password that goes with it"
    assert live.factor.status(ada.id).state == "off"
    given = re.search(r'id="temporary">([^<]+)', reset.text)
    back = live.visitor()
    assert back.give_password("ada", given[1] if given else "").headers["Location"] == "/"
    assert back.get("/").headers["Location"] == "/profile/password"


def refused(live: Live, path: str, code: str) -> bool:
    """Whether a code is told to have been used already."""
    visitor = live.visitor()
    visitor.give_password("ada")
    answer = visitor.post(path, code=code)
    return answer.status_code == 422 and "used already" in answer.text
