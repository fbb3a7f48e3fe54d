"""`python -m ecglearn` is `ecglearn`; torchrun starts it so."""

from ecglearn.cli import main

if __name__ == "__main__":
    main()
