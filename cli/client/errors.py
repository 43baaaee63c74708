"""What goes wrong in a way that a person can mend, and the exit statuses."""

from __future__ import annotations

#: Everything is as asked for; of `watch`: the job is completed.
DONE = 0
#: The job that was watched has failed.
FAILED = 1
#: The command, its input or a profile is wrong. Nothing was sent that changes anything.
WRONG_USAGE = 2
#: The job that was watched is cancelled.
CANCELLED = 3
#: The service refused, did not answer, or answered something else than this client understands; or a file could not be
#: written.
REFUSED = 4
#: Ctrl-C, as shells count it.
INTERRUPTED = 130
#: Nobody reads the output any more, as shells count it.
PIPE_CLOSED = 141


class Problem(Exception):
    """One line that says what is wrong and what to do about it."""

    def __init__(self, sentence: str, code: int = REFUSED) -> None:
        super().__init__(sentence)
        self.code = code


class WrongUsage(Problem):
    """The input is wrong."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, WRONG_USAGE)
