"""A module of a middleware that cannot be imported."""

from django_app.views import LOADED

LOADED.append(__name__)
raise RuntimeError
