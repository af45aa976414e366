#!/usr/bin/env python3
"""Measures the window on a virtual display: time to the first frame, idle processor share, and what an open window
costs a training run. Linux; needs Xvfb and xdotool.

    cargo build --release && benches/window.py [--binary target/release/layerbench]

Prints one JSON object a line. Times to the first frame are from start of the process to a mapped window with the
project's title whose pixels are no longer one flat colour. The training comparison alternates runs with and without a
window, compares their samples per second as run.json has them, and prints the ratio of the medians.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def processor_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Display:
    def __init__(self, size="1280x800x24"):
        read, write = os.pipe()
        self.server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", size], pass_fds=[write], stderr=subprocess.DEVNULL
        )
        os.close(write)
        self.name = ":" + os.read(read, 16).decode().strip()
        os.close(read)

    def close(self):
        self.server.kill()
        self.server.wait()


def start(binary, project, display, home):
    environment = dict(os.environ, DISPLAY=display.name, HOME=home, LAYERBENCH_CONFIG_DIR=home)
    environment.pop("WAYLAND_DISPLAY", None)
    return subprocess.Popen([binary, project], env=environment, stderr=subprocess.DEVNULL), environment


def window_of(environment, name, seconds=30):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--name", name], env=environment, capture_output=True, text=True
        ).stdout.split()
        if found:
            return found[0]
        time.sleep(0.01)
    raise SystemExit("no window came up")


def has_picture(environment):
    colours = subprocess.run(
        ["import", "-silent", "-window", "root", "-format", "%k", "info:"],
        env=environment, capture_output=True, text=True, check=True,
    ).stdout.strip()
    return int(colours) > 8


def first_frame(binary, project, display, home):
    begun = time.monotonic()
    process, environment = start(binary, project, display, home)
    window_of(environment, "Layerbench")
    titled = time.monotonic() - begun
    while not has_picture(environment):
        if time.monotonic() - begun > 30:
            raise SystemExit("no picture came up")
    drawn = time.monotonic() - begun
    process.terminate()
    process.wait()
    return titled, drawn


def idle_share(binary, project, display, home, seconds=20):
    process, environment = start(binary, project, display, home)
    window_of(environment, "Layerbench")
    time.sleep(5)
    before = processor_seconds(process.pid)
    time.sleep(seconds)
    share = (processor_seconds(process.pid) - before) / seconds
    process.terminate()
    process.wait()
    return share


def newest_run(project):
    runs = sorted(pathlib.Path(project, "runs").glob("*/run.json"), key=lambda path: int(path.parent.name.split("-")[0]))
    return json.loads(runs[-1].read_text()) if runs else None


def training_without(binary, project):
    subprocess.run([binary, "train", project, "--json"], check=True, stdout=subprocess.DEVNULL)
    return newest_run(project)["outcome"]["seconds"]


def training_with(binary, project, display, home):
    process, environment = start(binary, project, display, home)
    window = window_of(environment, "Layerbench")
    time.sleep(3)
    before = len(list(pathlib.Path(project, "runs").glob("*/run.json")))
    subprocess.run(["xdotool", "windowfocus", window, "key", "--window", window, "ctrl+Return"], env=environment)
    until = time.monotonic() + 300
    while True:
        if time.monotonic() > until:
            raise SystemExit("the run in the window did not end")
        time.sleep(0.5)
        run = newest_run(project)
        if run and len(list(pathlib.Path(project, "runs").glob("*/run.json"))) > before:
            if run["outcome"]["ending"] in ("completed", "stopped_early"):
                break
    process.terminate()
    process.wait()
    return run["outcome"]["seconds"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "target/release/layerbench"))
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    binary = str(pathlib.Path(arguments.binary).resolve())
    display = Display()
    with tempfile.TemporaryDirectory() as home:
        project = os.path.join(home, "digits")
        shutil.copytree(ROOT / "projects/digits", project, ignore=shutil.ignore_patterns("runs"))
        try:
            frames = [first_frame(binary, project, display, home) for _ in range(arguments.rounds)]
            titled, drawn = (statistics.median(column) for column in zip(*frames))
            print(json.dumps({"name": "first_frame", "window_s": round(titled, 3), "picture_s": round(drawn, 3)}))
            print(json.dumps({"name": "idle", "core_share": round(idle_share(binary, project, display, home), 4)}))
            pairs = [
                (training_with(binary, project, display, home), training_without(binary, project))
                for _ in range(arguments.rounds)
            ]
            with_window, without = (statistics.median(column) for column in zip(*pairs))
            print(json.dumps({
                "name": "training", "with_window_s": round(with_window, 2), "without_s": round(without, 2),
                "ratio": round(with_window / without, 3),
            }))
        finally:
            display.close()


if __name__ == "__main__":
    main()
