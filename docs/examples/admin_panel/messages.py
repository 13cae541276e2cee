"""The page of a form whose code was refused. The sentences are in `panel_pages.messages`."""

from flask import render_template
from flask.typing import ResponseReturnValue

from panel_pages.messages import answer_to
from totpcore import Refused


def refused(template: str, refusal: Refused, **context: object) -> ResponseReturnValue:
    """The page of a form once more, with the reason."""
    error, status, headers = answer_to(refusal, template)
    return render_template(template, error=error, **context), status, headers
