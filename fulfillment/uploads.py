"""The size of uploads, kept while they come in: the framework would write any file to disk."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, StopUpload

from orders.spreadsheet.limits import MAX_BYTES


class LimitedUpload(FileUploadHandler):
    """Stops the upload of files once they have more than 50 MB together; stands before the others.

    The request then has no file, and its ``upload_stopped`` is true.
    """

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self.seen = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.seen += len(raw_data)
        if self.seen > MAX_BYTES:
            self.request.upload_stopped = True  # type: ignore[union-attr]
            raise StopUpload(connection_reset=False)
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """Leave the making of the file to the handlers behind."""
