"""Language and colours, by choice: kept in the browser, so that they hold before anybody signs in."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from grader.domain.text import Language
from grader.web.access import AppServices
from grader.web.language import LANGUAGE_COOKIE
from grader.web.security import keep_choice, own_path
from grader.web.theme import THEME_COOKIE, Theme

router = APIRouter(include_in_schema=False)


@router.post("/preferences")
async def post_preferences(
    services: AppServices,
    language: Annotated[Language | None, Form()] = None,
    theme: Annotated[Theme | None, Form()] = None,
    next: Annotated[str, Form()] = "/",  # noqa: A002  # the field's name in every form
) -> Response:
    """Keep what was chosen, and show the page it was chosen on."""
    response = RedirectResponse(own_path(next), HTTPStatus.SEE_OTHER)
    for name, choice in ((LANGUAGE_COOKIE, language), (THEME_COOKIE, theme)):
        if choice is not None:
            keep_choice(response, name=name, value=choice.value, is_https=services.is_https)
    return response
