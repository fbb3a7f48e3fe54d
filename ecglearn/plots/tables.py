"""Tables that can be sorted and filtered in the page, without a kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


class SortableTable:
    """A table whose headings sort and whose rows can be filtered, in the rendered page.

    The page's own script does it (`book/_static/tables.js`); elsewhere it is a plain table.

    Args:
        table: cells as they should read; a number at the start of a cell is what it sorts by. The
            index is shown when it has a name.

    Book: five-methods#sortable
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = table

    def _repr_html_(self) -> str:
        named = any(name is not None for name in self.table.index.names)
        flat = self.table.reset_index() if named else self.table
        return flat.to_html(index=False, border=0, classes="dataframe sortable", na_rep="")

    def __repr__(self) -> str:
        return repr(self.table)
