"""Who answers for what in the pages no session and no included file runs.

Rules of this file:

1. A command, or the first line of a block, is given as it stands in the page, with the test that runs it or compares it
   with something real.
2. Where no test can, there is the reason in its place.
3. What is not in its page any more has to leave this file.
"""

from collections.abc import Mapping
from typing import Final

Answers = Mapping[str, Mapping[str, str]]

ENVIRONMENT: Final = "a place for packages, which a system's own Python may refuse to take; the tests have theirs"
DJANGO: Final = "tests/howto/test_django.py"
MOVING_IN: Final = "tests/howto/test_moving_in.py"

# Pages that a test goes through as a reader does, block by block, and stops at a block that it does not know.
WALKED: Final[Mapping[str, str]] = {
    f"docs/tutorial/{name}.md": "tests/tutorial/test_walk.py::test_the_tutorial"
    for name in ("index", "panel", "set-up", "log-in", "everybody")
} | {"docs/reference/command-line.md": "tests/cli/test_reference.py::test_every_session_goes_as_the_page_says"}

# Beside `tox run -e …`, of which each environment is looked up, and `pip install` of totpcore with extras that it has.
COMMANDS: Final[Answers] = {
    "README.md": {"python3 -m venv .venv": ENVIRONMENT},
    "docs/how-to/sealing.md": {
        "umask 077": "tests/test_manual.py::test_the_command_that_makes_a_key",
        "totpcore key --id 2026-08 > totp.keys": "tests/test_manual.py::test_the_command_that_makes_a_key",
    },
    "docs/how-to/flask.md": {
        "python3 -m venv .venv": ENVIRONMENT,
        ". .venv/bin/activate": ENVIRONMENT,
        "cd docs/examples": "into the folder of the examples, which the test has on its path",
        "python3 -m admin_panel": "tests/howto/test_panels.py::test_the_flask_panel_starts_as_the_page_says",
    },
    "docs/how-to/fastapi.md": {
        "python3 -m venv .venv": ENVIRONMENT,
        ". .venv/bin/activate": ENVIRONMENT,
        "createuser panel": "tests/howto/test_panels.py::test_the_fastapi_panel_starts_as_the_page_says",
        "createdb --owner=panel panel": "tests/howto/test_panels.py::test_the_fastapi_panel_starts_as_the_page_says",
        "cd docs/examples": "into the folder of the examples, which the test has on its path",
        "python3 -m fastapi_panel --database postgresql://panel@127.0.0.1/panel": (
            "tests/howto/test_panels.py::test_the_fastapi_panel_starts_as_the_page_says"
        ),
    },
    "docs/how-to/rfc-vectors-in-ci.md": {
        "python3 -m totpcore selftest": (
            "tests/howto/test_rfc_vectors_in_ci.py::test_the_self_test_says_what_the_page_shows"
        ),
        "python3 -m totpcore selftest --json > selftest.json": (
            "tests/howto/test_rfc_vectors_in_ci.py::test_the_json_is_what_the_page_says"
        ),
    },
    "docs/how-to/installing.md": {
        "python3 -m totpcore selftest": "tests/howto/test_installing.py::test_the_last_two_commands",
        "totpcore --version": "tests/howto/test_installing.py::test_the_last_two_commands",
    },
    "docs/how-to/moving-in.md": {
        "totpcore import pyotp secrets.csv --dry-run --create --store sqlite:///2fa.db --keys-file totp.keys": (
            f"{MOVING_IN}::test_a_table_of_pyotp"
        ),
        "totpcore import pyotp secrets.csv --create --store sqlite:///2fa.db --keys-file totp.keys": (
            f"{MOVING_IN}::test_a_table_of_pyotp"
        ),
        "TOTPCORE_STORE=sqlite:////srv/app/second-factors.db TOTPCORE_KEYS=… python3 from_pyotp.py site.db": (
            f"{MOVING_IN}::test_the_script_and_the_end_of_the_column"
        ),
        "totpcore import passlib totp.json --store sqlite:///2fa.db --keys-file totp.keys": (
            f"{MOVING_IN}::test_what_passlib_wrote"
        ),
        "python manage.py dumpdata otp_totp otp_hotp otp_static > devices.json": (
            f"{MOVING_IN}::test_devices_of_django_otp"
        ),
        "totpcore import django-otp devices.json --store sqlite:///2fa.db --keys-file totp.keys": (
            f"{MOVING_IN}::test_devices_of_django_otp"
        ),
        "python manage.py dumpdata mfa > authenticators.json": f"{MOVING_IN}::test_authenticators_of_allauth",
        "totpcore import allauth authenticators.json --store sqlite:///2fa.db --keys-file totp.keys": (
            f"{MOVING_IN}::test_authenticators_of_allauth"
        ),
        "totpcore import libpam ~/.google_authenticator --user alice --store sqlite:///2fa.db --keys-file totp.keys": (
            f"{MOVING_IN}::test_files_of_the_pam_module"
        ),
        "totpcore import libpam homes --store sqlite:///2fa.db --keys-file totp.keys": (
            f"{MOVING_IN}::test_files_of_the_pam_module"
        ),
        "zbarimg --quiet --raw -Sdisable -Sqrcode.enable export*.png > accounts.txt": (
            f"{MOVING_IN}::test_pictures_of_an_export"
        ),
        "totpcore import migration accounts.txt --map whose.csv --store sqlite:///2fa.db --keys-file totp.keys": (
            f"{MOVING_IN}::test_pictures_of_an_export"
        ),
        "totpcore import uri uris.txt --store sqlite:///2fa.db --keys-file totp.keys": (
            f"{MOVING_IN}::test_uris_of_ones_own"
        ),
    },
    "docs/how-to/several-workers.md": {
        "gunicorn --workers 4 --threads 4 --preload howto.workers:app": (
            "tests/howto/test_several_workers.py::test_gunicorn_with_preload_and_threads_on_a_file"
        ),
        "uvicorn --workers 3 howto.workers_async:app": (
            "tests/howto/test_several_workers.py::test_uvicorn_with_workers_on_postgresql"
        ),
    },
    "docs/explanation/audit.md": {
        "cp -r . ../totpcore-audit": "a copy to break; tests/test_proof_words.py makes one of its own",
        "cd ../totpcore-audit": "into that copy",
        "python3 -m venv .venv": "an environment for it",
        '.venv/bin/pip install -e ".[qr]" pytest pytest-cov hypothesis': "needs a package index, which no test has",
        ".venv/bin/pytest -q --no-cov tests/test_vectors.py": "one of the tests themselves",
    },
}

# Whole blocks, by their first line.
BLOCKS: Final[Answers] = {
    "docs/how-to/django.md": {
        "python3 -m venv venv": f"{DJANGO}::site",
        'INSTALLED_APPS += ["totpcore.django"]': f"{DJANGO}::site",
        "from django.contrib import admin": f"{DJANGO}::site",
        "(umask 077; set -C; python manage.py totpcore key > totp.keys)": f"{DJANGO}::site",
        "python manage.py startapp payroll": f"{DJANGO}::test_views_tests_and_receivers_of_an_app",
        'INSTALLED_APPS += ["payroll"]': f"{DJANGO}::test_views_tests_and_receivers_of_an_app",
        'urlpatterns += [path("", include("payroll.urls"))]': f"{DJANGO}::test_views_tests_and_receivers_of_an_app",
        "from totpcore import Enforcement, Rule": f"{DJANGO}::test_a_required_second_factor_confines",
        "pip install gunicorn": f"{DJANGO}::test_several_workers",
        "python manage.py test": f"{DJANGO}::test_views_tests_and_receivers_of_an_app",
        "python manage.py totpcore users": f"{DJANGO}::test_what_operators_type",
        'python manage.py totpcore reset ada --actor grace --reason "phone lost, came by in person"': (
            f"{DJANGO}::test_what_operators_type"
        ),
        "python manage.py totpcore import-django-otp --dry-run": f"{DJANGO}::test_devices_of_django_otp_move",
    },
    "docs/how-to/postgresql.md": {
        "postgresql://totpcore_app@db1.example.com,db2.example.com/app?schema=second_factors&sslmode=verify-full": (
            "tests/test_manual.py::test_urls_in_pages_are_read"
        )
    },
    "docs/how-to/redis.md": {
        "rediss://totpcore:CHANGE-THIS@redis.example.com:6379/0?wait_replicas=1": (
            "tests/test_manual.py::test_urls_in_pages_are_read"
        )
    },
    "docs/how-to/rfc-vectors-in-ci.md": {
        "RFC 4226 appendix D, with the intermediate HMACs: 10 of 10 vectors agree: ok": (
            "tests/howto/test_rfc_vectors_in_ci.py::test_the_self_test_says_what_the_page_shows"
        )
    },
}

# Examples that no test imports, though one runs them.
FILES: Final[Mapping[str, str]] = {
    **{
        f"docs/examples/howto/payroll/{name}.py": f"{DJANGO}::test_views_tests_and_receivers_of_an_app"
        for name in ("apps", "receivers", "tests", "urls", "views")
    },
    "docs/examples/howto/workers.py": (
        "tests/howto/test_several_workers.py::test_gunicorn_with_preload_and_threads_on_a_file"
    ),
    "docs/examples/howto/workers_async.py": (
        "tests/howto/test_several_workers.py::test_uvicorn_with_workers_on_postgresql"
    ),
}

# What a page may tell somebody to install, beside totpcore and what its extras need.
PACKAGES: Final = frozenset({"tox", "flask", "fastapi", "jinja2", "python-multipart", "uvicorn"})
