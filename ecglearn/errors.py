"""What the library refuses with: one sentence that says what is wrong, where, and what to do."""


class EcglearnError(Exception):
    """The base of every refusal; the commands print its sentence and nothing else.

    Book: your-own-data#data-refused
    """


class InputError(EcglearnError, ValueError):
    """An argument, a batch or a configuration that cannot be used.

    Book: your-own-data#data-refused
    """


class MissingGroupError(EcglearnError, ModuleNotFoundError):
    """An optional group of packages is not installed; the sentence names the command.

    Book: your-own-data#data-refused
    """
