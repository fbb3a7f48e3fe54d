"""WFDB records: path in, record out; nothing is read that was not checked."""
