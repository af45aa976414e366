"""The PyTorch side of compare.py: reads cases as `layerbench bench --list --json` describes them, one JSON object a line,
does the same work and answers with the times of single runs."""

import argparse
import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


def layer(spec, inputs):
    """The module of a layer and the shapes of its outputs' places: PyTorch's, with the same settings."""
    kind = spec["kind"]
    shape = inputs[0]
    if kind == "conv2d":
        return nn.Conv2d(
            shape[0], spec["out_channels"], tuple(spec["kernel"]), tuple(spec["stride"]), tuple(spec["padding"]),
            tuple(spec["dilation"]), spec["groups"], spec["bias"],
        )
    if kind == "batch_norm":
        norm = {1: nn.BatchNorm1d, 2: nn.BatchNorm1d, 3: nn.BatchNorm2d}[len(shape)]
        return norm(shape[0], spec["eps"], spec["momentum"])
    if kind == "max_pool":
        return nn.MaxPool2d(spec["kernel"], spec["stride"], spec["padding"], ceil_mode=spec["ceil_mode"])
    if kind == "avg_pool":
        return nn.AvgPool2d(spec["kernel"], spec["stride"], spec["padding"])
    if kind == "global_pool":
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    if kind in ["relu", "silu", "tanh", "sigmoid"]:
        return {"relu": nn.ReLU, "silu": nn.SiLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}[kind]()
    if kind == "gelu":
        return nn.GELU(approximate="tanh" if spec["form"] == "tanh" else "none")
    if kind == "softmax":
        return nn.Softmax(-1)
    if kind == "linear":
        return nn.Linear(shape[-1], spec["out_features"], spec["bias"])
    if kind == "layer_norm":
        return nn.LayerNorm(shape[-1])
    if kind == "lstm":
        return First(nn.LSTM(shape[-1], spec["hidden_size"], spec.get("layers", 1), batch_first=True))
    if kind == "attention":
        return Attention(nn.MultiheadAttention(shape[-1], spec["heads"], batch_first=True))
    raise ValueError(f"torch_worker.py has no twin of the layer '{kind}'")


class First(nn.Module):
    """The first of several outputs."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, *inputs):
        return self.module(*inputs)[0]


class Attention(First):
    def forward(self, *inputs):
        query, key, value = inputs if len(inputs) == 3 else (inputs[0],) * 3
        return self.module(query, key, value, need_weights=False)[0]


def layers(about):
    modules = []
    shapes = about["inputs"]
    inputs = [torch.randn(about["batch"], *shape, requires_grad=True) for shape in shapes]
    for spec in about["layers"]:
        modules.append(layer(spec, shapes).train())
        with torch.no_grad():
            value = modules[-1](*(torch.randn(2, *shape) for shape in shapes))
        shapes = [list(value.shape[1:])]
    expected = about["outputs"][0]
    if shapes[0] != expected:
        raise ValueError(f"PyTorch gives {shapes[0]}, Layerbench {expected}")
    grad = torch.randn(about["batch"], *expected)
    leaves = inputs + [parameter for module in modules for parameter in module.parameters()]

    def work():
        for leaf in leaves:
            leaf.grad = None
        value = modules[0](*inputs)
        for module in modules[1:]:
            value = module(value)
        value.backward(grad)

    return work


def cross_entropy(about):
    logits = torch.randn(about["rows"], about["classes"], requires_grad=True)
    targets = torch.arange(about["rows"]) % about["classes"]

    def work():
        logits.grad = None
        F.cross_entropy(logits, targets).backward()

    return work


def adamw(about):
    """What torch.optim.AdamW takes on a processor by default."""
    weight = nn.Parameter(torch.randn(about["values"]))
    weight.grad = torch.randn(about["values"])
    optimizer = torch.optim.AdamW([weight], lr=1e-3, weight_decay=0.01)
    return optimizer.step


KINDS = {"layers": layers, "cross_entropy": cross_entropy, "adamw": adamw}


def build(about):
    torch.manual_seed(0)
    return KINDS[about["kind"]](about)


def times(work, ms, runs):
    work()
    taken = []
    start = time.perf_counter()
    while len(taken) < runs or ((time.perf_counter() - start) * 1e3 < ms and len(taken) < 10_000):
        since = time.perf_counter()
        work()
        taken.append((time.perf_counter() - since) * 1e3)
    return taken


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    torch.set_num_threads(parser.parse_args().threads)
    name, work = None, None
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"name": request["name"]}
        try:
            if name != request["name"]:
                name, work = None, None
                name, work = request["name"], build(request["about"])
            answer["ms"] = times(work, request["ms"], request["runs"])
        except Exception as error:  # The next case may work.
            answer["message"] = f"{type(error).__name__}: {error}"
            name, work = None, None
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
