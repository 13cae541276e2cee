"""The pages, as answers. What stands on them is in `panel_pages`."""

from functools import partial

from fastapi import Response
from fastapi.templating import Jinja2Templates

from fastapi_panel.session import Visit, path_of, take_notice
from panel_pages import FILTERS, HEADERS, TEMPLATES
from panel_pages.access import FULL
from panel_pages.messages import answer_to
from totpcore import Refused

templates = Jinja2Templates(TEMPLATES)
templates.env.filters.update(FILTERS)


async def page(visit: Visit, template: str, *, status_code: int = 200, **context: object) -> Response:
    """A page, with what each page is given."""
    found = visit.session
    given = {
        "url_for": partial(path_of, visit.request),
        "static": lambda file: path_of(visit.request, "static", path=file),
        "csrf": visit.csrf,
        "user": visit.user,
        "full": found is not None and found.stage == FULL,
        "notice": await take_notice(visit),
        "confined": visit.confined,
        "nudge": visit.nudge and not visit.view.startswith("second_factor."),
        "deadline": visit.enforcement and visit.enforcement.deadline,
        "recovered": found.recovered if found else "",
        **context,
    }
    # The page of an error that nobody expected is sent where no middleware sees it, so a page brings its own headers.
    return templates.TemplateResponse(visit.request, template, given, status_code, HEADERS)


async def refused(visit: Visit, template: str, refusal: Refused, **context: object) -> Response:
    """The page of a form once more, with the reason."""
    error, status, headers = answer_to(refusal, template)
    answer = await page(visit, template, status_code=status, error=error, **context)
    answer.headers.update(headers)
    return answer
