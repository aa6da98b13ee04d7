#!/usr/bin/env python3
"""A worker for Crier's queue with psycopg 3: claims, works, answers, all in one statement a round.

    DATABASE_URL=postgres://… python3 worker.py [KIND …]

Ends on SIGINT and SIGTERM, or once nothing has been due for IDLE seconds if that is set.
"""

import os
import signal
import sys
import time

import psycopg
from psycopg.types.json import Jsonb

EXCHANGE = """
    SELECT job_id, token, kind, params
    FROM crier.exchange(%(worker)s, 20, kinds => %(kinds)s, lease => '1 minute', wait => '1 second',
                        completed => %(done)s::uuid[], completed_tokens => %(done_tokens)s::bigint[],
                        results => %(results)s::jsonb[],
                        failed => %(failed)s::uuid[], failed_tokens => %(failed_tokens)s::bigint[],
                        classes => %(classes)s::text[], errors => %(errors)s::jsonb[])
    WHERE status = 'running'
"""


def work(kind, params):
    """What a job does; its result is stored. Whatever it raises makes the job run again later."""
    return {"kind": kind, "got": params}


def main(kinds):
    running = True

    def stop(*_):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    worker, idle = f"python-{os.getpid()}", float(os.environ.get("IDLE", "inf"))
    done, failed, busy_at = [], [], time.monotonic()
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as db:
        while running or done or failed:
            jobs = db.execute(
                EXCHANGE,
                {
                    "worker": worker,
                    # after a signal: answers only
                    "kinds": (kinds or None) if running else [],
                    "done": [job for job, _, _ in done],
                    "done_tokens": [token for _, token, _ in done],
                    "results": [Jsonb(result) for _, _, result in done],
                    "failed": [job for job, _, _ in failed],
                    "failed_tokens": [token for _, token, _ in failed],
                    "classes": ["transient"] * len(failed),
                    "errors": [Jsonb({"message": message}) for _, _, message in failed],
                },
            ).fetchall()
            done, failed = [], []
            for job, token, kind, params in jobs:
                try:
                    done.append((job, token, work(kind, params)))
                except Exception as error:
                    failed.append((job, token, str(error)))
            if jobs:
                busy_at = time.monotonic()
            elif time.monotonic() - busy_at > idle:
                return


if __name__ == "__main__":
    main(sys.argv[1:])
