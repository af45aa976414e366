#!/usr/bin/env python3
"""Layerbench beside PyTorch on the processor: the same work, the same shapes, the same number of threads.

    cargo build --release
    benches/compare.py ops [--binary target/release/layerbench] [--filter conv] [--threads 2] [--json]

Two processes, each bound to the same cores, take turns over one case in short rounds, so that whatever else slows the
machine slows both. A time is the median of all single runs of a case; ratio is Layerbench's over PyTorch's, below 1 where
Layerbench is faster. `layerbench bench --list --json` tells what each case does, and torch_worker.py builds the same from
that in PyTorch.

With --json each case is a line `name, layerbench_ms, torch_ms, ratio`, and the last line has the geometric means.
"""

import argparse
import json
import math
import os
import pathlib
import select
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
# Largest ratio of a single case and of the geometric mean that the project wants.
BARS = {"ops": (1.3, 0.8)}


class Worker:
    """A process that measures cases by name."""

    def __init__(self, label, command, environment, cores):
        self.label = label
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: os.sched_setaffinity(0, cores) if cores else None,
        )

    def times(self, case, ms, runs, patience=600):
        """Milliseconds of single runs, or None with the reason printed."""
        request = {"name": case["name"], "about": case["about"], "ms": ms, "runs": runs}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], patience)[0]:
            raise SystemExit(f"{self.label} gave no answer to {case['name']} in {patience} s")
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.label} ended at {case['name']}, code {self.process.wait()}")
        answer = json.loads(line)
        if "ms" in answer:
            return answer["ms"]
        print(f"{self.label}, {case['name']}: {answer['message']}", file=sys.stderr)
        return None

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def cores(threads):
    """The last cores that this process may use; the first ones often have the interrupts."""
    if not hasattr(os, "sched_setaffinity"):
        return set()
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < threads:
        raise SystemExit(f"{threads} threads need as many cores, but only {len(allowed)} may be used")
    return set(allowed[-threads:])


def start(arguments):
    environment = dict(os.environ)
    for name in ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]:
        environment[name] = str(arguments.threads)
    bound = cores(arguments.threads)
    layerbench = [arguments.binary, "bench", "--serve", "--json"]
    torch = [sys.executable, str(HERE / "torch_worker.py"), "--threads", str(arguments.threads)]
    return (
        Worker("Layerbench", layerbench, environment, bound),
        Worker("PyTorch", torch, environment, bound),
    )


def listed(arguments):
    output = subprocess.run(
        [arguments.binary, "bench", arguments.group, "--list", "--json"], capture_output=True, text=True, check=True
    ).stdout
    cases = [line for line in map(json.loads, output.splitlines()) if line["event"] == "case"]
    return [case for case in cases if arguments.filter in case["name"]]


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


class Table:
    """Rows for people, or JSON lines."""

    def __init__(self, is_json):
        self.is_json = is_json

    def row(self, fields, text):
        print(json.dumps(fields) if self.is_json else text, flush=True)

    def text(self, text):
        if not self.is_json:
            print(text, flush=True)


def compare(arguments):
    cases = listed(arguments)
    if not cases:
        raise SystemExit(f"no case of {arguments.group} has '{arguments.filter}' in its name")
    ours, theirs = start(arguments)
    table = Table(arguments.json)
    most, mean_bar = BARS[arguments.group]
    table.text(f"{'case':34} {'Layerbench ms':>14} {'PyTorch ms':>12} {'ratio':>7}")
    rows = []
    for case in cases:
        samples = {ours: [], theirs: []}
        for _ in range(arguments.rounds):
            for worker, times in samples.items():
                given = worker.times(case, arguments.seconds * 1e3 / arguments.rounds, arguments.runs)
                times.extend(given or [])
        if not all(samples.values()):
            continue
        layerbench_ms, torch_ms = (statistics.median(times) for times in samples.values())
        row = {
            "name": case["name"],
            "layerbench_ms": round(layerbench_ms, 4),
            "torch_ms": round(torch_ms, 4),
            "ratio": round(layerbench_ms / torch_ms, 4),
            "layerbench_min_ms": round(min(samples[ours]), 4),
            "torch_min_ms": round(min(samples[theirs]), 4),
        }
        rows.append(row)
        mark = f"  above {most}" if row["ratio"] > most else ""
        table.row(row, f"{row['name']:34} {layerbench_ms:14.2f} {torch_ms:12.2f} {row['ratio']:7.2f}{mark}")
    for worker in [ours, theirs]:
        worker.close()
    if not rows:
        raise SystemExit(1)
    mean = geometric_mean([row["ratio"] for row in rows])
    missed = [row["name"] for row in rows if row["ratio"] > most]
    summary = {
        "event": "summary", "group": arguments.group, "cases": len(rows), "threads": arguments.threads,
        "geometric_mean": round(mean, 4), "bar": most, "bar_of_mean": mean_bar, "missed": missed,
    }
    table.row(
        summary,
        f"\n{len(rows)} cases, geometric mean {mean:.2f} (bar {mean_bar}), {len(missed)} above {most}"
        + "".join(f"\n  {name}" for name in missed),
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", choices=sorted(BARS))
    parser.add_argument("--binary", default=str(HERE.parent / "target" / "release" / "layerbench"))
    parser.add_argument("--filter", default="", help="only cases whose name contains this")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="turns that each side takes over a case")
    parser.add_argument("--runs", type=int, default=3, help="runs a turn, at least")
    parser.add_argument("--seconds", type=float, default=1.5, help="time of a case on each side, at least")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    try:
        import torch  # noqa: F401
    except ImportError:
        raise SystemExit(
            f"PyTorch is missing for {sys.executable}. Install it and run the script with that Python:\n"
            "  python3 -m venv torch && torch/bin/pip install torch torchvision onnx onnxruntime\n"
            "  torch/bin/python benches/compare.py ops"
        ) from None
    if not pathlib.Path(arguments.binary).exists():
        raise SystemExit(f"{arguments.binary} is missing. Build it with: cargo build --release")
    compare(arguments)


if __name__ == "__main__":
    main()
