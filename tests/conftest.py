"""What holds for all tests."""

from book.build_watch import end_with_make


def pytest_configure() -> None:
    end_with_make()
