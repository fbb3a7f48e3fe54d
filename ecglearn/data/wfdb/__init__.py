"""A WFDB record: path in, record out, and back."""

from ecglearn.data.wfdb.checks import RecordError
from ecglearn.data.wfdb.comments import Patient, parse_age, read_comments
from ecglearn.data.wfdb.find import find_records, first_record
from ecglearn.data.wfdb.reader import RawRecord, open_record
from ecglearn.data.wfdb.record import ECGRecord, read_record
from ecglearn.data.wfdb.write import write_counts, write_record

__all__ = [
    "ECGRecord",
    "Patient",
    "RawRecord",
    "RecordError",
    "find_records",
    "first_record",
    "open_record",
    "parse_age",
    "read_comments",
    "read_record",
    "write_counts",
    "write_record",
]
