"""The course: answers are checked, questions asked, material handed out."""

from ecglearn.course.check import Verdict, check, verdict
from ecglearn.course.material import glucose_of_two_laboratories, split_with_a_leak
from ecglearn.course.quiz import quiz

__all__ = ["Verdict", "check", "glucose_of_two_laboratories", "quiz", "split_with_a_leak", "verdict"]
