"""Mutated slides of every kind, opened and read: none may hang, crash or take all memory.

    python benchmarks/hostile_slides.py --number 100000 --jobs 2

Mutations have fixed numbers; ``--first 4711 --number 1`` repeats one. Every process has 4 GB of
address space; a mutation has ``--seconds`` of processor time. Exit 1 if any ended otherwise than
with pixels or one line.
"""

import argparse
import multiprocessing
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.hostile_slides import KINDS, look_at, mutated, numbered

MEMORY = 4_000_000_000


def work(connection: Connection, folder: Path) -> None:
    """Answer numbers with what came of them, until there are no more."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    whole = {}
    for kind, (name, write) in KINDS.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        whole[kind] = write(folder / kind / name).read_bytes()
    while True:
        kind, number, seconds = connection.recv()
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)  # SIGVTALRM ends the process
        path = folder / kind / KINDS[kind][0]
        path.write_bytes(mutated(whole[kind], number))
        try:
            answer = look_at(path)
        except BaseException as error:
            answer = f"FAULT {type(error).__name__}: {' '.join(str(error).split())[:100]}"
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        connection.send(answer)


class Worker:
    """A process that may die, and what it is busy with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start()

    def start(self) -> None:
        """Begin, or begin again."""
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=work, args=(other, self.folder), daemon=True)
        self.process.start()
        other.close()

    def answer(self) -> str:
        """What came of the mutation that it was given."""
        try:
            return str(self.connection.recv())
        except (EOFError, OSError):
            self.process.join()
            code = self.process.exitcode
            self.start()
            return f"FAULT the process ended with {code}"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS))
    given = parser.parse_args()
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in given.kinds}
    faults, began = [], time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        workers = [Worker(Path(folder) / str(job)) for job in range(given.jobs)]
        free, busy = list(workers), {}
        todo = numbered(given.kinds, range(given.first, given.first + given.number))
        with suppress(KeyboardInterrupt):  # what was tried until then is told
            while True:
                while free and (task := next(todo, None)) is not None:
                    worker = free.pop()
                    worker.connection.send((*task, given.seconds))
                    busy[worker.connection] = worker, task
                if not busy:
                    break
                for connection in multiprocessing.connection.wait(list(busy)):
                    worker, (kind, number) = busy.pop(connection)
                    answer = worker.answer()
                    if answer.startswith("FAULT"):
                        faults.append(f"{kind} {number}: {answer}")
                        print(faults[-1], flush=True)
                    counts[kind][answer.split()[0]] += 1
                    free.append(worker)
        for worker in workers:
            worker.process.kill()
    for kind, found in counts.items():
        print(f"{kind}: " + ", ".join(f"{number} {name}" for name, number in sorted(found.items())))
    took = time.perf_counter() - began
    tried = sum(sum(found.values()) for found in counts.values())
    print(f"{tried} mutations in {took:.0f} s, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
