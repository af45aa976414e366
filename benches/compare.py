#!/usr/bin/env python3
"""Layerbench beside PyTorch on the processor: the same work, the same shapes, the same number of threads.

    cargo build --release
    benches/compare.py ops|steps|inference|data|memory|growth [--binary target/release/layerbench] [--filter conv]
                       [--threads 2] [--json]

ops is forward and backward of single operations, steps whole training steps, inference predictions of one sample (with
onnxruntime as a third), data all samples of a set once as batches, memory the peak of a training step, growth the time
of a step while one size grows.

Two processes, each bound to the same cores, take turns over one case in short rounds, so that whatever else slows the
machine slows both. A time is the median of all single runs of a case; ratio is Layerbench's over PyTorch's, below 1 where
Layerbench is faster. `layerbench bench --list --json` tells what each case does, and torch_worker.py builds the same from
that in PyTorch.

With --json each case is a line `name, layerbench_ms, torch_ms, ratio` (memory: `layerbench_mb, torch_mb, ratio`), and the
last line has the geometric mean. --write docs/performance.md puts the table there, and beside it what growth draws.
"""

import argparse
import json
import math
import os
import pathlib
import platform
import select
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
# Largest ratio of a single case and of the geometric mean that the project wants.
BARS = {
    "ops": (1.3, 0.8), "steps": (1.0, 0.75), "inference": (0.75, 0.75), "data": (1.0, 1.0),
    "memory": (1.0, 1.0), "growth": (1.0, 0.75)
}


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
        if case["name"]:
            print(f"{self.label}, {case['name']}: {answer['message']}", file=sys.stderr)
        return None

    def ready(self):
        """Waits until the process has loaded what it needs."""
        self.times({"name": "", "about": {}}, 0, 0)

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


class Sides:
    """Who is compared: each call starts a fresh process."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.environment = dict(os.environ)
        for name in ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"]:
            self.environment[name] = str(arguments.threads)
        self.cores = cores(arguments.threads)

    def layerbench(self):
        command = [self.arguments.binary, "bench", "--serve", "--json", *images(self.arguments)]
        return Worker("Layerbench", command, self.environment, self.cores)

    def torch(self):
        return self.python("PyTorch")

    def onnxruntime(self):
        return self.python("onnxruntime", "--as", "onnxruntime")

    def python(self, label, *more):
        command = [sys.executable, str(HERE / "torch_worker.py"), "--threads", str(self.arguments.threads), *more]
        return Worker(label, command, self.environment, self.cores)


def images(arguments):
    return ["--images", arguments.images] if arguments.images else []


def write_images(folder, count=400, size=(320, 240)):
    """JPEGs of coloured waves, two classes."""
    import numpy
    from PIL import Image

    x, y = numpy.meshgrid(numpy.arange(size[0]), numpy.arange(size[1]))
    for index in range(count):
        place = pathlib.Path(folder) / f"class{index % 2}"
        place.mkdir(exist_ok=True)
        waves = [numpy.sin(x * (0.01 + 0.0007 * index) + channel) * numpy.cos(y * 0.05 * channel + index) for channel in range(3)]
        pixels = (127 + 127 * numpy.stack(waves, axis=-1)).astype(numpy.uint8)
        Image.fromarray(pixels).save(place / f"{index}.jpg", quality=90)


def listed(arguments):
    group = "steps" if arguments.group == "memory" else arguments.group
    command = [arguments.binary, "bench", group, "--list", "--json", *images(arguments)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    cases = [line for line in map(json.loads, output.splitlines()) if line["event"] == "case"]
    return [case for case in cases if arguments.filter in case["name"]]


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


class Table:
    """Rows for people or JSON lines, and the same as Markdown for docs/performance.md."""

    def __init__(self, is_json):
        self.is_json = is_json
        self.markdown = []

    def head(self, columns):
        self.markdown += ["| case | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
        if not self.is_json:
            print(f"{'case':34}" + "".join(f"{column:>16}" for column in columns))

    def row(self, fields, cells, mark):
        name = fields["name"]
        self.markdown.append(f"| `{name}` | " + " | ".join(cells) + " |")
        text = f"{name:34}" + "".join(f"{cell:>16}" for cell in cells) + f"  {mark}"
        print(json.dumps(fields) if self.is_json else text, flush=True)

    def end(self, fields, text):
        self.markdown += ["", f"{text} {self.where()}"]
        print(json.dumps(fields) if self.is_json else "\n" + text, flush=True)

    @staticmethod
    def where():
        """Day, processor and versions."""
        import torch

        cpu = pathlib.Path("/proc/cpuinfo")
        lines = cpu.read_text().splitlines() if cpu.exists() else []
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        processor = names[0] if names else platform.processor()
        return f"Measured {time.strftime('%Y-%m-%d')} on {processor}, torch {torch.__version__}."

    def write(self, group, file):
        """Puts the table between the marks of its group."""
        start, end = f"<!-- {group} -->\n", f"<!-- end of {group} -->"
        before, _, rest = file.read_text().partition(start)
        _, found, after = rest.partition(end)
        if not found:
            raise SystemExit(f"{file} has no place for {group}: {start.strip()} and {end}")
        file.write_text(before + start + "\n".join(self.markdown) + "\n" + end + after)


def measured(case, workers, arguments):
    """Times of each worker, taken in turns; None if one of them can't do the case."""
    samples = [[] for _ in workers]
    for _ in range(arguments.rounds):
        for worker, times in zip(workers, samples):
            # Threads of the one before may still be looking for work.
            time.sleep(0.05)
            given = worker.times(case, arguments.seconds * 1e3 / arguments.rounds, arguments.runs)
            if given is None:
                return None
            times.extend(given)
    return samples


def compare(arguments, cases, table):
    sides = Sides(arguments)
    workers = [sides.layerbench(), sides.torch()]
    labels = ["layerbench", "torch"]
    if arguments.group == "inference":
        workers.append(sides.onnxruntime())
        labels.append("onnxruntime")
    most, _ = BARS[arguments.group]
    ratios = ["ratio", "onnxruntime's"][: len(workers) - 1]
    table.head([f"{worker.label} ms" for worker in workers] + ratios)
    rows = []
    for case in cases:
        samples = measured(case, workers, arguments)
        if samples is None:
            continue
        medians = [statistics.median(times) for times in samples]
        row = {"name": case["name"]}
        row |= {f"{label}_ms": round(median, 4) for label, median in zip(labels, medians)}
        row["ratio"] = round(medians[0] / medians[1], 4)
        if len(medians) > 2:
            row["onnxruntime_ratio"] = round(medians[2] / medians[1], 4)
        row |= {f"{label}_min_ms": round(min(times), 4) for label, times in zip(labels, samples)}
        row |= {key: case["about"][key] for key in ["axis", "value"] if key in case["about"]}
        rows.append(row)
        cells = [f"{median:.2f}" for median in medians] + [shown(median / medians[1]) for median in medians[::2]]
        table.row(row, cells, above(row, most))
    for worker in workers:
        worker.close()
    return rows


def shown(ratio):
    return f"{ratio:.2f}" if ratio > 0.1 else f"{ratio:.4f}"


def above(row, most):
    return f"above {most}" if row["ratio"] > most else ""


def status_mb(worker, field):
    for line in pathlib.Path(f"/proc/{worker.process.pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"this system does not tell {field}")


def peak_mb(worker, case, steps):
    """Peak over what was resident before the network was built, and growth from step 10 to the last."""
    worker.ready()
    before = status_mb(worker, "VmRSS")
    # Forgets the peak of the start.
    pathlib.Path(f"/proc/{worker.process.pid}/clear_refs").write_text("5")
    if worker.times(case, 0, 10) is None:
        return None
    early = status_mb(worker, "VmRSS")
    if worker.times(case, 0, steps, patience=3600) is None:
        return None
    peak, late = status_mb(worker, "VmHWM") - before, status_mb(worker, "VmRSS") - early
    worker.close()
    return peak, late


def memory(arguments, cases, table):
    sides = Sides(arguments)
    most, _ = BARS["memory"]
    table.head(["Layerbench MB", "PyTorch MB", "ratio", "growth MB", "PyTorch's"])
    rows = []
    for case in cases:
        figures = [peak_mb(worker, case, arguments.steps) for worker in [sides.layerbench(), sides.torch()]]
        if None in figures:
            continue
        (ours, growth), (theirs, torch_growth) = figures
        row = {
            "name": case["name"], "layerbench_mb": round(ours, 1), "torch_mb": round(theirs, 1),
            "ratio": round(ours / theirs, 4), "layerbench_growth_mb": round(growth, 1),
            "torch_growth_mb": round(torch_growth, 1), "steps": arguments.steps,
        }
        rows.append(row)
        cells = [f"{ours:.0f}", f"{theirs:.0f}", shown(row["ratio"]), f"{growth:+.1f}", f"{torch_growth:+.1f}"]
        table.row(row, cells, above(row, most))
    return rows


def summarize(arguments, rows, table):
    most, mean_bar = BARS[arguments.group]
    mean = geometric_mean([row["ratio"] for row in rows])
    missed = [row["name"] for row in rows if row["ratio"] > most]
    summary = {
        "event": "summary", "group": arguments.group, "cases": len(rows), "threads": arguments.threads,
        "geometric_mean": round(mean, 4), "bar": most, "bar_of_mean": mean_bar, "missed": missed,
    }
    names = ": " + ", ".join(missed) if missed else ""
    text = f"{len(rows)} cases, geometric mean {mean:.2f} (bar {mean_bar}), {len(missed)} above {most}{names}."
    table.end(summary, text)


def work(arguments):
    cases = listed(arguments)
    if not cases:
        raise SystemExit(f"no case of {arguments.group} has '{arguments.filter}' in its name")
    table = Table(arguments.json)
    rows = (memory if arguments.group == "memory" else compare)(arguments, cases, table)
    if not rows:
        raise SystemExit(1)
    summarize(arguments, rows, table)
    if arguments.write:
        table.write(arguments.group, arguments.write)
    if arguments.group == "growth" and arguments.write:
        import growth_svg

        folder = arguments.write.parent
        (folder / "growth.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "growth.svg").write_text(growth_svg.drawing(rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("group", choices=sorted(BARS))
    parser.add_argument("--binary", default=str(HERE.parent / "target" / "release" / "layerbench"))
    parser.add_argument("--filter", default="", help="only cases whose name contains this")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5, help="turns that each side takes over a case")
    parser.add_argument("--runs", type=int, default=3, help="runs a turn, at least")
    parser.add_argument("--seconds", type=float, default=1.5, help="time of a case on each side, at least")
    parser.add_argument("--steps", type=int, default=30, help="steps over which memory may not grow")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", type=pathlib.Path, metavar="FILE", help="put the table into its place in this file")
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
    with tempfile.TemporaryDirectory() as folder:
        arguments.images = folder if arguments.group == "data" else ""
        if arguments.images:
            write_images(folder)
        work(arguments)


if __name__ == "__main__":
    main()
