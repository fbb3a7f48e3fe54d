"""Questions on a chapter, answered in a kernel and in a page without one, and no network.

The questions are files in the format of `jupyterquiz`, whose script judges the answers. Nothing
else of it is used: its display draws ids at random, fetches MathJax from outside where a page has
another, and cannot be reached by some who do not use a mouse.
"""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from typing import Any

from ecglearn.errors import InputError, MissingGroupError

SCRIPTS = ("helpers.js", "multiple_choice.js", "numeric.js")
HERE = files("ecglearn.course")


class Quiz:
    """The questions of one chapter; the last line of a cell shows them.

    Args:
        name: of the chapter, as its file is called.
        questions: in the format of jupyterquiz, with a `feedback` for each answer.

    Book: intro#intro-how
    """

    def __init__(self, name: str, questions: list[dict[str, Any]]) -> None:
        self.name = name
        self.questions = questions

    def __repr__(self) -> str:
        return f"{len(self.questions)} questions on {self.name}"

    def _repr_html_(self) -> str:
        key = f"quiz-{self.name}"
        asked = "".join(
            f'<li><p id="{key}-{number}">{question["question"]}</p></li>'
            for number, question in enumerate(self.questions, start=1)
        )
        # "</script" would end the element
        data = json.dumps([_told(one) for one in self.questions], ensure_ascii=False)
        data = data.replace("<", "\\u003c")
        style = HERE.joinpath("quiz.css").read_text("utf-8")
        call = f"start({json.dumps(key)}, {data});"
        return (
            f'<div class="ecg-quiz" id="{key}" role="group" aria-label="Questions on '
            f'{escape(self.name)}"><style>{style}</style><ol>{asked}</ol></div>'
            # formulas are HTML, so that no MathJax is asked for; the log is nobody's business
            f"<script>((MathJax, console) => {{\n{_script()}\n{call}\n}})"
            "(undefined, { log() {}, error() {} });</script>"
        )


def quiz(name: str) -> Quiz:
    """The questions on a chapter of the book, each answer with its explanation.

    Args:
        name: of the chapter, as in the address of its page, such as `"ptacl"`.

    Raises:
        InputError: there are no questions of this name.
        MissingGroupError: the optional group `lab` is not installed.

    Book: intro#intro-how
    """
    found = {file.name.removesuffix(".json"): file for file in HERE.joinpath("quizzes").iterdir()}
    if name not in found:
        raise InputError(f"no questions on {name!r}; there are some on {', '.join(sorted(found))}")
    _script()
    return Quiz(name, json.loads(found[name].read_text("utf-8")))


def _told(question: dict[str, Any]) -> dict[str, Any]:
    """A question without its text, which the page holds, and feedback that says right or wrong."""
    answers = [
        answer | {"feedback": f"<b>{'Right' if answer.get('correct') else 'No'}.</b> {feedback}"}
        for answer in question["answers"]
        for feedback in (answer["feedback"],)
    ]
    return {key: question[key] for key in question if key != "question"} | {"answers": answers}


def _script() -> str:
    """What judges answers, of jupyterquiz, and what puts them into the page, of ours."""
    try:
        theirs = files("jupyterquiz").joinpath("js")
    except ModuleNotFoundError as error:
        raise MissingGroupError(
            'quizzes need the optional group "lab": pip install "ecglearn[lab]"'
        ) from error
    parts = [theirs.joinpath(name).read_text("utf-8") for name in SCRIPTS]
    lines = [line for part in parts for line in part.splitlines() if "http" not in line]
    return "\n".join([*lines, HERE.joinpath("quiz.js").read_text("utf-8")])
