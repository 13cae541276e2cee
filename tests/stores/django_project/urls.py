"""Views that verify a code, as an application would."""

from collections.abc import Callable

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

from totpcore import AsyncTwoFactor, Plaintext, TwoFactor
from totpcore.stores.django import DjangoStore
from totpcore.stores.threaded import InThreads

from .models import Note


def two_factor() -> TwoFactor:
    """Return the service, as a module of the application has it."""
    return TwoFactor(DjangoStore(), issuer="ACME", sealer=Plaintext(), audit=lambda _event: None)


def verify(request: HttpRequest) -> HttpResponse:
    """Write, and then verify; a refusal escapes, and is a page 500."""
    Note.objects.create(text="login")
    return HttpResponse(str(two_factor().verify("7", request.GET["code"]).failures_before))


def verify_on_commit(request: HttpRequest) -> HttpResponse:
    """Verify once the request's transaction is committed."""
    told: list[int] = []
    work: Callable[[], None] = lambda: told.append(two_factor().verify("7", request.GET["code"]).failures_before)  # noqa: E731
    with transaction.atomic(durable=True):
        Note.objects.create(text="login")
        transaction.on_commit(work)
    return HttpResponse(str(told[0]))


async def verify_async(request: HttpRequest) -> HttpResponse:
    """Verify in an asynchronous view."""
    store = InThreads(DjangoStore())
    try:
        service = AsyncTwoFactor(store, issuer="ACME", sealer=Plaintext(), audit=lambda _event: None)
        return HttpResponse(str((await service.verify("7", request.GET["code"])).failures_before))
    finally:
        await store.close()


async def verify_blocking(request: HttpRequest) -> HttpResponse:
    """Verify in an asynchronous view without threads, which Django forbids."""
    return HttpResponse(str(two_factor().verify("7", request.GET["code"]).failures_before))


urlpatterns = [
    path("verify", verify),
    path("on-commit", transaction.non_atomic_requests(verify_on_commit)),
    path("async", transaction.non_atomic_requests(verify_async)),
    path("blocking", transaction.non_atomic_requests(verify_blocking)),
]
