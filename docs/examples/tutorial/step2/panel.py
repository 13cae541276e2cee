"""A small admin panel."""

import hmac
import secrets
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import click
from flask import Flask, Response, abort, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue as Answer
from werkzeug.security import check_password_hash, generate_password_hash

from totpcore import Plaintext, SQLiteStore, TwoFactor

HERE = Path(__file__).parent
USERS = """CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, login TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL, two_factor INTEGER NOT NULL DEFAULT 0)"""
SESSIONS = """CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, user TEXT NOT NULL,
    stage TEXT NOT NULL, tie TEXT NOT NULL, ends REAL NOT NULL)"""
NOBODY = generate_password_hash(secrets.token_hex())  # compared with when there is no such user
# The pages that each stage of a session reaches; any other address leads to the first of them.
REACHES = {"guest": ["login"], "full": ["home", "logout"]}
SECONDS = {"full": 8 * 3600}

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
    begin(user, "full", tie(user))
    return redirect(url_for("home"))


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
