"""The course: answers are checked, questions asked, material handed out."""

from ecglearn.course.check import Verdict, check, verdict
from ecglearn.course.known import beside, reported_figures, statements
from ecglearn.course.material import glucose_of_two_laboratories, split_with_a_leak
from ecglearn.course.patients import PagePatients, page_patients
from ecglearn.course.quiz import quiz
from ecglearn.course.sizes import chapter_size

__all__ = [
    "PagePatients",
    "Verdict",
    "beside",
    "chapter_size",
    "check",
    "glucose_of_two_laboratories",
    "page_patients",
    "quiz",
    "reported_figures",
    "split_with_a_leak",
    "statements",
    "verdict",
]
