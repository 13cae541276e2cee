"""A small admin panel."""

import hmac
import math
import secrets
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import click
from flask import Flask, Response, abort, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue as Answer
from werkzeug.security import check_password_hash, generate_password_hash

from totpcore import Gate, Plaintext, SQLiteStore, TwoFactor, errors

HERE = Path(__file__).parent
USERS = """CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, login TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL, two_factor INTEGER NOT NULL DEFAULT 0)"""
SESSIONS = """CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, user TEXT NOT NULL,
    stage TEXT NOT NULL, tie TEXT NOT NULL, ends REAL NOT NULL)"""
NOBODY = generate_password_hash(secrets.token_hex())  # compared with when there is no such user
# The pages that each stage of a session reaches; any other address leads to the first of them.
REACHES = {
    "guest": ["login"],
    "half": ["code", "logout"],
    "full": ["home", "second_factor", "setup", "confirm", "logout"],
}
SECONDS = {"half": 300, "full": 8 * 3600}

app = Flask(__name__)
app.secret_key = (HERE / "session.key").read_bytes()
app.config.update(SESSION_COOKIE_SAMESITE="Lax", MAX_CONTENT_LENGTH=64 * 1024)
store = SQLiteStore(HERE / "second-factors.db")
factor = TwoFactor(store, issuer="Small Panel", sealer=Plaintext())


def run(sql: str, *values: object) -> list[sqlite3.Row]:
    """Ask or change the file of the users and their sessions."""
    with closing(sqlite3.connect(HERE / "panel.db", isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        return db.execute(sql, values).fetchall()


def one(sql: str, *values: object) -> sqlite3.Row | None:
    """The row that is asked for, if there is one."""
    return next(iter(run(sql, *values)), None)


def tie(user: sqlite3.Row) -> str:
    """What a session of this user depends on: when it changes, the session is over."""
    return f"{user['password']} {factor.status(user['id']).generation}"


def begin(user: sqlite3.Row, stage: str, tied: str) -> None:
    """Give the visitor a new session, and end the one that asked."""
    now = time.time()
    run("DELETE FROM sessions WHERE id = ? OR ends <= ?", session.get("id", ""), now)
    session.clear()
    session.update(id=secrets.token_urlsafe(), csrf=secrets.token_urlsafe())
    run("INSERT INTO sessions VALUES (?, ?, ?, ?, ?)", session["id"], user["id"], stage, tied, now + SECONDS[stage])


@app.before_request
def guard() -> Answer | None:
    """Before each page: find the session, check the form's token, and open only what this session may reach."""
    if request.endpoint in {None, "static"}:
        return None
    token = session.setdefault("csrf", secrets.token_urlsafe())
    if request.method == "POST" and not hmac.compare_digest(request.form.get("csrf", "").encode(), token.encode()):
        abort(400, "This form is out of date. Go back, reload the page and send it again.")
    g.session = one("SELECT * FROM sessions WHERE id = ? AND ends > ?", session.get("id", ""), time.time())
    g.user = g.session and one("SELECT * FROM users WHERE id = ?", g.session["user"])
    if g.user and g.session["tie"] != tie(g.user):
        g.user = None
    g.stage = g.session["stage"] if g.user else "guest"
    return None if request.endpoint in REACHES[g.stage] else redirect(url_for(REACHES[g.stage][0]))


@app.after_request
def harden(response: Response) -> Response:
    """After each page: no cache keeps it, and no other site frames it."""
    policy = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    response.headers.update({"Cache-Control": "no-store", "Content-Security-Policy": policy})
    return response


@app.route("/login", methods=["GET", "POST"])
def login() -> Answer:
    """Ask for the password."""
    if request.method != "POST":
        return render_template("login.html")
    user = one("SELECT * FROM users WHERE login = ?", request.form.get("login", ""))
    right = check_password_hash(user["password"] if user else NOBODY, request.form.get("password", ""))
    if user is None or not right:
        flash("User name or password is not right.")
        return redirect(url_for("login"))
    tied = tie(user)
    asks = factor.gate(user["id"], expected=bool(user["two_factor"])) is Gate.CHALLENGE
    begin(user, "half" if asks else "full", tied)
    return redirect(url_for("code" if asks else "home"))


@app.post("/logout")
def logout() -> Answer:
    """End the session."""
    run("DELETE FROM sessions WHERE id = ?", session["id"])
    session.clear()
    return redirect(url_for("login"))


@app.get("/")
def home() -> Answer:
    """Show the administrators."""
    users = run("SELECT * FROM users ORDER BY login")
    return render_template("home.html", users=users, status=factor.statuses(user["id"] for user in users))


@app.cli.command("add")
@click.argument("name")
def add(name: str) -> None:
    """Add an administrator, and print a password for them."""
    (HERE / "panel.db").touch(mode=0o600)
    run(USERS)
    run(SESSIONS)
    password = secrets.token_urlsafe(12)
    hashed = generate_password_hash(password)
    run("INSERT INTO users (id, login, password) VALUES (?, ?, ?)", secrets.token_hex(8), name, hashed)
    click.echo(password)


@app.get("/second-factor")
def second_factor() -> Answer:
    """Show one's own second factor, and what can be done about it."""
    return render_template("second_factor.html", status=factor.status(g.user["id"]))


@app.post("/setup")
def setup() -> Answer:
    """Show the QR code of a new set-up."""
    enrolment = factor.enrol(g.user["id"], account=g.user["login"])
    session["setup"] = enrolment.expires_at
    return render_template("setup.html", enrolment=enrolment)


@app.post("/confirm")
def confirm() -> Answer:
    """Turn the second factor on, once the app has shown a right code."""
    try:
        confirmed = factor.confirm(g.user["id"], request.form.get("code", ""))
    except errors.InvalidCode as refusal:
        enrolment = factor.pending(g.user["id"])
        if enrolment is None or session.get("setup") != enrolment.expires_at:
            raise errors.EnrolmentExpired from refusal
        flash(explain(refusal))
        return render_template("setup.html", enrolment=enrolment)
    run("UPDATE users SET two_factor = 1 WHERE id = ?", g.user["id"])
    begin(g.user, "full", tie(g.user))
    return render_template("recovery_codes.html", codes=confirmed.recovery_codes)


def explain(error: errors.TotpcoreError) -> str:
    """What the visitor can do next. What was typed is never repeated."""
    match error:
        case errors.AlreadyEnrolled():
            return "Your second factor is on already."
        case errors.EnrolmentExpired():
            return "This set-up has ended. Delete its entry in your app and start again."
        case errors.ClockOff():
            return f"The clock of your phone is {abs(error.seconds)} seconds off. Correct it and type the next code."
        case errors.CodeReplayed():
            return "This code was used already. Wait for the next one."
        case errors.InvalidCode(malformed=True):
            return "This is not a whole code. It did not count as a try."
        case errors.InvalidCode():
            return f"This code is not right. Tries left: {error.attempts_left}."
        case errors.Throttled():
            return f"Too many wrong codes. Wait {math.ceil(error.retry_after)} seconds."
        case _:
            return "Codes of the app are not taken now. Use a recovery code, or ask a colleague for help."


@app.errorhandler(errors.AlreadyEnrolled)
@app.errorhandler(errors.Refused)
def refused(error: errors.TotpcoreError) -> Answer:
    """Say it on the page that the form was on."""
    flash(explain(error))
    return redirect(url_for(request.endpoint if request.endpoint == "code" else "second_factor"))


@app.route("/code", methods=["GET", "POST"])
def code() -> Answer:
    """Ask for the code of the app. The half session becomes a full one only if `verify` returns."""
    if request.method != "POST":
        return render_template("code.html")
    accepted = factor.verify(g.user["id"], request.form.get("code", ""))
    begin(g.user, "full", g.session["tie"])
    if accepted.failures_before:
        flash(f"Wrong codes before this one: {accepted.failures_before}. Not yours? Then somebody knows your password.")
    return redirect(url_for("home"))


@app.errorhandler(errors.StoreError)
def stopped(error: errors.StoreError) -> Answer:
    """Let nobody in where the second factors cannot be relied on."""
    app.logger.error("The second factors are in trouble: %s", error)
    return "The second factors cannot be read, so nobody is let in. Call whoever runs this panel.", 503
