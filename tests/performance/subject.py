"""What a bench measures, in an interpreter that has nothing but what Lambda has: `python subject.py SPEC`.

It knows the standard library alone until it has put the paths of SPEC in place. SPEC is JSON: `paths`, and either
`program`, which is run, or the `event` of a handler, which is called `count` times in each of
`rounds`. It prints the CPU seconds of a call in each round.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


class Context:
    """What Lambda tells a handler about its invocation."""

    function_name = "function"
    aws_request_id = "request-id"

    def get_remaining_time_in_millis(self) -> int:
        return 55_000


def main() -> None:
    spec: dict[str, Any] = json.loads(sys.argv[1])
    sys.path[:0] = spec["paths"]
    names: dict[str, Any] = {}
    exec(spec["program"], names)  # noqa: S102  # the program is the bench's own
    call = names.get("call")
    if call is None:
        return
    # Not only is the first call slow: modules, clients and what is remembered come with it.
    for _ in range(3):
        call(spec.get("event"), Context())
    rounds = []
    for _ in range(spec["rounds"]):
        began = time.process_time()
        for _ in range(spec["count"]):
            call(spec.get("event"), Context())
        rounds.append((time.process_time() - began) / spec["count"])
    print(json.dumps(rounds), file=sys.stderr)


main()
