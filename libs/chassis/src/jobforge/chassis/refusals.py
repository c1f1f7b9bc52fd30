"""What a service says when it refuses to start: its own sentence, without a server's stack of frames."""

import logging


class Refusals(logging.Filter):
    """Uvicorn writes the traceback of whatever ends the start of an app; of our own errors the message is kept."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Pass every record; a refusal becomes ``service.refused`` with its reason."""
        said = str(record.msg).rstrip()
        name, _, reason = said.rpartition("\n")[2].partition(": ")
        if record.name == "uvicorn.error" and said.startswith("Traceback") and name.startswith("jobforge."):
            record.msg, record.args = "service.refused", ()
            record.__dict__ |= {"reason": reason, "error_type": name.rpartition(".")[2]}
        return True
