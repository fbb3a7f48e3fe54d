"""`python -m ecglearn.commands` is `ecglearn`."""

from ecglearn.commands import main

if __name__ == "__main__":
    main()
