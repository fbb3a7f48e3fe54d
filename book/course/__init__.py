"""The course, made from the executed chapters: `python -m book.course` writes `_build/course`."""
