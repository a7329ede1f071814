"""The name and the version of the journal file."""

FILE_NAME = "journal.jsonl"
FORMAT_VERSION = 2
