"""What `tfg inspect` and `tfg verify` answer to more than a thousand damaged media files: hangs, crashes, tracebacks, memory, lines.

`python -m benchmarks.damaged_media [--out FILE] [--share 0.1]`; `make damaged` writes benchmarks/damaged_media.md. Each file is read
by a process of its own, a fork of one that has imported tfg, under limits of address space and time.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from benchmarks import damaged_sources, timing
from benchmarks.damaged_files import damaged
from tfg.record.provenance import commit

MEMORY_GB = 4  # address space of a process
PROCESSOR_SECONDS = 60  # after which a process counts as hanging, ...
WAITED_SECONDS = (
    300  # ... or after which it does though it waits, as for a network; long, since the machine may be busy
)
POLL_SECONDS = 0.02
WORKERS = 6  # each is short: most of its time passes in waiting where the machine is busy
VERIFIED = 10  # every one of so many is given to `tfg verify` too
BAD = ("hang", "crash", "traceback", "exit code", "lines")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One file to read, and by which command."""

    kind: str
    name: str
    path: Path
    command: str


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of it: `read`, `refused`, or one of BAD."""

    case: Case
    verdict: str
    code: int | None
    text: str
    seconds: float  # of the processor
    megabytes: float


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file too")
    parser.add_argument("--share", type=float, default=1.0, help="of the damaged files, evenly spread (default all)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where files with a bad answer are kept")
    options = parser.parse_args(arguments)
    started, revision = time.monotonic(), commit()
    with tempfile.TemporaryDirectory() as folder:
        answers = list(read_all(cases(Path(folder), options.share), options.keep))
    text = markdown(answers, time.monotonic() - started, revision)
    print(text, end="")
    if options.out:
        options.out.write_text(text)
    return 1 if any(answer.verdict in BAD for answer in answers) else 0


def cases(folder: Path, share: float) -> Iterator[Case]:
    """Files are made when they are asked for; who has read one removes it."""
    whole, traps = folder / "whole", folder / "traps"
    whole.mkdir()
    traps.mkdir()
    for path in damaged_sources.traps(traps):
        yield Case(kind="traps", name=path.name, path=path, command="inspect")
    number = 0
    for source in damaged_sources.SOURCES:
        path = damaged_sources.write(source, whole / source.name)
        yield Case(kind="whole", name=source.name, path=path, command="inspect")
        for kind, what, data in damaged(path):
            number += 1
            if int(number * share) == int((number - 1) * share):
                continue
            for command in ("inspect", "verify") if number % VERIFIED == 0 else ("inspect",):
                copy = folder / f"{number}_{command}{path.suffix}"
                copy.write_bytes(data)
                yield Case(kind=kind, name=f"{source.name}: {what}", path=copy, command=command)


def read_all(wanted: Iterator[Case], keep: Path | None) -> Iterator[Answer]:
    """Answers as they come; a bad one is said on stderr at once."""
    _import()
    running: dict[int, Case] = {}
    waited: dict[int, float] = {}  # seconds; those in which this process itself was stopped do not count
    more = True
    while more or running:
        while more and len(running) < WORKERS:
            if (case := next(wanted, None)) is None:
                more = False
            else:
                process = _start(case)
                running[process], waited[process] = case, 0.0
        time.sleep(POLL_SECONDS)
        for process, case in list(running.items()):
            waited[process] += POLL_SECONDS
            ended, status, used = os.wait4(process, os.WNOHANG)
            hangs = not ended and waited[process] > WAITED_SECONDS
            if hangs:
                os.kill(process, signal.SIGKILL)
                _, status, used = os.wait4(process, 0)
            if ended or hangs:
                del running[process]
                answer = _answer(case, status, hangs, used)
                if answer.verdict in BAD:
                    print(f"{answer.verdict}: {case.command} {case.kind}, {case.name}: {answer.text}", file=sys.stderr)
                    if keep:
                        (keep / case.path.name).write_bytes(case.path.read_bytes())
                for path in (case.path, _log(case, "out"), _log(case, "err")):
                    path.unlink(missing_ok=True)
                yield answer


def _import() -> None:
    """What the commands would import, once for all processes; no thread is started by it."""
    import scipy.signal  # noqa: F401

    import tfg.clip.read
    import tfg.commands.inspect
    import tfg.commands.verify
    import tfg.marking.manifest
    import tfg.marking.watermark  # noqa: F401
    from tfg.clip.limits import default_limits

    default_limits()


def _start(case: Case) -> int:
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        _become(case)
    return process


def _become(case: Case) -> NoReturn:
    code = 70
    try:
        for descriptor, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(_log(case, name), os.O_CREAT | os.O_WRONLY), descriptor)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_GB << 30, MEMORY_GB << 30))
        resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        from tfg.__main__ import main as tfg

        tfg([case.command, str(case.path)])
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _log(case: Case, name: str) -> Path:
    return case.path.with_name(f"{case.path.name}.{name}")


def _answer(case: Case, status: int, hangs: bool, used: resource.struct_rusage) -> Answer:
    out, err = (_log(case, name).read_text(errors="replace") for name in ("out", "err"))
    code = os.waitstatus_to_exitcode(status)
    said = err.splitlines()
    allowed = (0, 1, 2) if case.command == "verify" else (0, 2)
    if hangs or code == -signal.SIGXCPU:
        verdict = "hang"
    elif code < 0:
        verdict = "crash"
    elif "Traceback" in err:
        verdict = "traceback"
    elif code not in allowed:
        verdict = "exit code"
    elif len(said) != (code == 2) or (code == 2) == bool(out):
        verdict = "lines"
    else:
        verdict = "refused" if code == 2 else "read"
    text = " | ".join(said[-3:] or out.splitlines())
    seconds = used.ru_utime + used.ru_stime
    return Answer(case=case, verdict=verdict, code=code, text=text, seconds=seconds, megabytes=used.ru_maxrss / 1024)


def markdown(answers: list[Answer], seconds: float, tree: tuple[str, bool]) -> str:
    """One row a kind of damage. `tree`: the commit that was read with, and whether it had changes."""
    revision, dirty = tree
    machine = ", ".join(f"{name} {value}" for name, value in timing.machine().items())
    bad = {verdict: sum(answer.verdict == verdict for answer in answers) for verdict in BAD}
    kinds = list(dict.fromkeys(answer.case.kind for answer in answers))
    baseline = min(answer.megabytes for answer in answers)
    columns = ["files", "read", "refused", *BAD, "most processor s", "most MB"]
    lines = [
        "# Damaged media",
        "",
        f"{len(answers)} readings by `tfg inspect` (every {VERIFIED}th file by `tfg verify` too): "
        + ", ".join(f"{count} {verdict}" for verdict, count in bad.items())
        + ".",
        "",
        "`make damaged` makes this table. Each file is read whole, in a process of its own with "
        f"{MEMORY_GB} GiB of address space, {PROCESSOR_SECONDS} s of the processor and {WAITED_SECONDS} s. *read* is "
        "exit code 0 (of `verify` also 1), *refused* exit code 2 and one line, *exit code* any other, "
        "*lines* more or fewer lines than that. "
        f"Memory is the largest resident set, of which {baseline:.0f} MB are Python and its libraries.",
        "",
        f"Commit {revision}{' with changes' if dirty else ''}; {machine}; {seconds:.0f} s with {WORKERS} processes at once.",
        "",
        "| damage | " + " | ".join(columns) + " |",
        "|---|" + "---:|" * len(columns),
    ]
    for kind in [*kinds, "all"]:
        mine = [answer for answer in answers if kind in (answer.case.kind, "all")]
        counts = [sum(answer.verdict == verdict for answer in mine) for verdict in ("read", "refused", *BAD)]
        slowest, most = max(answer.seconds for answer in mine), max(answer.megabytes for answer in mine)
        lines.append(f"| {kind} | {len(mine)} | " + " | ".join(map(str, counts)) + f" | {slowest:.1f} | {most:.0f} |")
    worst = sorted(answers, key=lambda answer: -answer.seconds)[:3] + sorted(answers, key=lambda a: -a.megabytes)[:3]
    lines += ["", "Slowest and largest:", ""]
    for answer in dict.fromkeys(worst):
        used = f"{answer.seconds:.1f} processor s, {answer.megabytes:.0f} MB"
        lines.append(f"- {answer.case.command}: {answer.case.kind}, {answer.case.name}: {used}, {answer.verdict}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
