"""Puts into a wheel what the chapters read beside the library: stored runs, figures, one script.

Everything else is in pyproject.toml. In a clone and in an editable install these files stay where
they are.
"""

import importlib.util
import json
import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
KNOWN = HERE / "ecglearn" / "course" / "known.py"


class WithStored(build_py):
    """Copies files into `ecglearn/stored`, laid out as in the repository."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        spec = importlib.util.spec_from_file_location("known", KNOWN)
        assert spec is not None
        assert spec.loader is not None
        known = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(known)
        target = Path(self.build_lib) / "ecglearn" / "stored"
        for pattern in known.SHIPPED:
            for path in sorted(HERE.glob(pattern)):
                place = target / path.relative_to(HERE)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, place)
        text = json.dumps(known.statements_in(HERE / "book" / "chapters"), ensure_ascii=False)
        (target / known.STATEMENTS).write_text(text, encoding="utf-8")


setup(cmdclass={"build_py": WithStored})
