"""The admin of the users, which gets the second factor by itself, and that of a child, which has it by hand."""

from django.contrib import admin

from totpcore.django.admin import SecondFactorUserAdmin

from .models import Courier, Person

admin.site.register(Person)


@admin.register(Courier)
class CourierAdmin(SecondFactorUserAdmin):
    """With the column."""
