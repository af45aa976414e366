"""The PyTorch side of compare.py: reads cases as `layerbench bench --list --json` describes them, one JSON object a line,
does the same work and answers with the times of single runs."""

import argparse
import json
import sys
import time
import warnings

import torch
from torch import nn
from torch.nn import functional as F


def layer(spec, inputs):
    """The module of a layer: PyTorch's, with the same settings."""
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
        dilation = spec.get("dilation", 1)
        return nn.MaxPool2d(spec["kernel"], spec["stride"], spec["padding"], dilation, ceil_mode=spec["ceil_mode"])
    if kind == "avg_pool":
        return nn.AvgPool2d(
            spec["kernel"], spec["stride"], spec["padding"], spec["ceil_mode"], spec["count_include_pad"]
        )
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
        return First(nn.LSTM(shape[-1], spec["hidden_features"], spec["layers"], spec["bias"], batch_first=True))
    if kind == "multihead_attention" and spec["source"] == "self" and not spec["causal"]:
        return Attention(nn.MultiheadAttention(shape[-1], spec["heads"], bias=spec["bias"], batch_first=True))
    raise ValueError(f"torch_worker.py has no twin of the layer '{kind}'")


class First(nn.Module):
    """The first of several outputs."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, *inputs):
        return self.module(*inputs)[0]


class Attention(First):
    """Attention of a sequence to itself."""

    def forward(self, x):
        return self.module(x, x, x, need_weights=False)[0]


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


def convolved(channels, width):
    return [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]


class UNet(nn.Module):
    def __init__(self, channels=1, classes=2, widths=(64, 128, 256, 512, 1024)):
        super().__init__()
        sizes = [channels, *widths]
        double = lambda i, o: nn.Sequential(*convolved(i, o), *convolved(o, o))  # noqa: E731
        self.down = nn.ModuleList([double(i, o) for i, o in zip(sizes, widths)])
        pairs = list(zip(widths[::-1], widths[-2::-1]))
        self.up = nn.ModuleList([nn.ConvTranspose2d(i, o, 2, stride=2) for i, o in pairs])
        self.join = nn.ModuleList([double(i, o) for i, o in pairs])
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, x):
        kept = []
        for index, block in enumerate(self.down):
            x = block(x if index == 0 else F.max_pool2d(x, 2))
            kept.append(x)
        for skip, up, join in zip(kept[-2::-1], self.up, self.join):
            x = join(torch.cat([skip, up(x)], dim=1))
        return self.head(x)


class Reader(nn.Module):
    """Classes from each step of an LSTM, or from the last one."""

    def __init__(self, features, hidden, layers=1, steps=slice(None)):
        super().__init__()
        self.steps = steps
        self.lstm = nn.LSTM(features, hidden, layers, batch_first=True)
        self.classes = nn.Linear(hidden, 10)

    def forward(self, x):
        return self.classes(self.lstm(x)[0][:, self.steps])


class GptBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.projected, self.gathered = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        batch, steps, width = x.shape
        parts = self.projected(self.norm1(x)).view(batch, steps, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.gathered(seen.transpose(1, 2).reshape(batch, steps, width))
        return x + self.narrow(F.gelu(self.wide(self.norm2(x))))


class Gpt(nn.Module):
    """Pre-norm decoder with learned positions."""

    def __init__(self, vocabulary=65, steps=128, width=256, heads=4, layers=4):
        super().__init__()
        self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(steps, width)
        self.blocks = nn.ModuleList([GptBlock(width, heads) for _ in range(layers)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.places.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def network(about):
    """The network by its name, checked against the number of parameters that Layerbench counts."""
    name, sizes = about["network"], about.get("sizes") or {}
    if name == "small_cnn":
        model = nn.Sequential(
            *convolved(1, 32), *convolved(32, 64), nn.MaxPool2d(2), *convolved(64, 64), nn.MaxPool2d(2),
            nn.Flatten(), nn.Dropout(0.2), nn.Linear(64 * 7 * 7, 10),
        )
    elif name == "cnn":
        widths = [3] + [sizes["width"]] * sizes["depth"]
        blocks = [module for pair in zip(widths, widths[1:]) for module in convolved(*pair)]
        model = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], 10))
    elif name == "mlp":
        widths = [sizes["input"], *sizes["widths"]]
        pairs = [module for pair in zip(widths, widths[1:]) for module in (nn.Linear(*pair), nn.ReLU())]
        model = nn.Sequential(*pairs, nn.Linear(widths[-1], 10))
    elif name == "lstm":
        model = Reader(sizes["features"], sizes["hidden"], sizes["layers"], -1)
    elif name == "tagger":
        model = Reader(sizes["features"], sizes["hidden"])
    elif name == "gpt":
        model = Gpt()
    elif name == "unet":
        model = UNet()
    else:
        import torchvision

        if name == "resnet18_cifar":
            model = torchvision.models.resnet18(num_classes=10)
            model.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
            model.maxpool = nn.Identity()
        elif name == "inception_v3":
            model = torchvision.models.inception_v3(aux_logits=False, init_weights=False)
        else:
            model = getattr(torchvision.models, name)()
    count = sum(parameter.numel() for parameter in model.parameters())
    if count != about["parameters"]:
        raise ValueError(f"PyTorch's {name} has {count} parameters, Layerbench's {about['parameters']}")
    return model


def given(about):
    """A batch as the network takes it: tokens where the shape is that of a row of them."""
    shape = [about["batch"], *about["input"]]
    return torch.randint(65, shape) if about["network"] == "gpt" else torch.randn(shape)


def step(about):
    """Forward, cross-entropy, backward and what torch.optim.AdamW does by default."""
    model = network(about).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    inputs = given(about)
    output = about["output"]
    classes = output[-1] if len(output) == 2 else output[0]
    places = {1: [], 2: output[:1], 3: output[1:]}[len(output)]
    targets = torch.randint(classes, [about["batch"], *places])

    def work():
        optimizer.zero_grad()
        output = model(inputs)
        # cross_entropy wants the classes behind the batch.
        F.cross_entropy(output.transpose(1, 2) if len(places) == 1 else output, targets).backward()
        optimizer.step()

    return work


def inference(about):
    model, inputs = network(about).eval(), given(about)

    def work():
        with torch.inference_mode():
            model(inputs)

    return work


def onnx_inference(about):
    """The same network in onnxruntime, as torch.onnx exports it."""
    import io

    import onnxruntime

    # torch.export wants further packages; the older way gives the same graph here.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    model, inputs = network(about).eval(), given(about)
    file = io.BytesIO()
    torch.onnx.export(model, (inputs,), file, input_names=["x"], dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    fed = {"x": inputs.numpy()}
    return lambda: session.run(None, fed)


def batches(dataset, about, workers):
    loader = torch.utils.data.DataLoader(
        dataset, about["batch"], shuffle=True, num_workers=workers, persistent_workers=workers > 0
    )

    def work():
        for _ in loader:
            pass

    return work


def data_memory(about):
    """As torchvision's MNIST does it: a sample is an image that is turned into a tensor and scaled."""
    from PIL import Image
    from torchvision import transforms

    pixels = torch.randint(256, [about["samples"], about["side"], about["side"]], dtype=torch.uint8)
    scaled = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.13,), (0.31,))])

    class Images(torch.utils.data.Dataset):
        def __len__(self):
            return len(pixels)

        def __getitem__(self, index):
            return scaled(Image.fromarray(pixels[index].numpy())), index % 10

    return batches(Images(), about, 0)


def data_folder(about):
    """ImageFolder with as many workers as threads; they stay from pass to pass."""
    from torchvision import datasets, transforms

    side = about["side"]
    sized = transforms.Compose([transforms.Resize((side, side)), transforms.ToTensor()])
    return batches(datasets.ImageFolder(about["folder"], sized), about, torch.get_num_threads())


KINDS = {
    "data_memory": data_memory, "data_folder": data_folder,
    "layers": layers, "cross_entropy": cross_entropy, "adamw": adamw, "step": step, "inference": inference,
    "onnxruntime": onnx_inference,
}


def build(about, kind):
    torch.manual_seed(0)
    return KINDS[kind or about["kind"]](about)


def warm_up():
    """Loads what PyTorch loads at its first convolution, so that it does not count as the memory of a network."""
    x = torch.randn(1, 16, 8, 8, requires_grad=True)
    nn.Linear(8, 8)(nn.Conv2d(16, 16, 3, padding=1)(x)).sum().backward()


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
    parser.add_argument("--as", dest="kind", default="", help="do something else with the same networks: onnxruntime")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    warm_up()
    name, work = None, None
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"name": request["name"]}
        try:
            if name != request["name"]:
                name, work = None, None
                name, work = request["name"], build(request["about"], arguments.kind)
            answer["ms"] = times(work, request["ms"], request["runs"])
        except Exception as error:  # The next case may work.
            answer["message"] = f"{type(error).__name__}: {error}"
            name, work = None, None
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
