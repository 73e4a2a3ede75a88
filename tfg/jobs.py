"""Jobs of a sweep in SLURM's queue, found by their name: how many, waited for, cancelled."""

from __future__ import annotations

import subprocess
import sys
import time

ASK, KEEP, WAITING, ALL = "ask", "keep", "cancel-waiting", "cancel"
CHOICES = (ASK, KEEP, WAITING, ALL)
POLL_SECONDS = 5.0


def states(name: str) -> list[str]:
    """Of the jobs of that name that have not ended: PENDING, RUNNING, ..."""
    listed = subprocess.run(
        ["squeue", "--noheader", "--array", "--name", name, "--format", "%T"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return listed.stdout.split()


def wait(name: str) -> None:
    """Until none is left."""
    while states(name):
        time.sleep(POLL_SECONDS)


def interrupted(name: str, choice: str) -> None:
    """Offer what becomes of the jobs whose parent was interrupted, and do it; without a terminal to ask on they are kept."""
    left = states(name)
    if not left:
        return
    waiting = left.count("PENDING")
    print(
        f"\ntfg: {len(left) - waiting} jobs of this sweep run, {waiting} wait (squeue --name {name})", file=sys.stderr
    )
    if choice == ASK:
        choice = _asked() if sys.stdin is not None and sys.stdin.isatty() else KEEP
    if choice == KEEP:
        kept = "they are kept and need no parent; the same command waits for them and makes the table"
        print(f"tfg: {kept}; scancel --name {name} ends them", file=sys.stderr)
        return
    only = ["--state=PENDING"] if choice == WAITING else []
    subprocess.run(["scancel", *only, "--name", name], check=False, timeout=60)
    which = "those that wait are cancelled, those that run go on" if choice == WAITING else "all are cancelled"
    print(f"tfg: {which}; the same command goes on with the sweep", file=sys.stderr)


def _asked() -> str:
    answers = {"k": KEEP, "w": WAITING, "a": ALL, "": KEEP}
    while True:
        try:
            print(
                "tfg: [k]eep them (default), cancel those that [w]ait, or cancel [a]ll? ",
                end="",
                file=sys.stderr,
                flush=True,
            )
            answer = input().strip().lower()[:1]
        except (EOFError, KeyboardInterrupt):
            return KEEP
        if answer in answers:
            return answers[answer]
