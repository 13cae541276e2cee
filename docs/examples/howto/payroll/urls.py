"""The addresses."""

# page: begin
from django.urls import path

from . import views

urlpatterns = [
    path("", views.front_page),
    path("salaries/", views.salaries),
    path("payslips/", views.Payslips.as_view()),
    path("holidays/", views.holidays),
    path("opening-hours/", views.opening_hours),
]
# page: end
