"""Draws the rows of `compare.py growth`: one panel for each size that grows, both axes logarithmic. No packages needed."""

import math

WIDTH, HEIGHT, GAP = 300, 230, 58
COLOURS = {"layerbench_ms": "#2f6fde", "torch_ms": "#d9772b"}
LABELS = {"layerbench_ms": "Layerbench", "torch_ms": "PyTorch"}
TITLES = {"batch": "batch size", "width": "channels", "depth": "convolutions", "sequence": "steps of the sequence"}


def panel(axis, rows, left, top):
    rows = sorted(rows, key=lambda row: row["value"])
    times = [row[key] for row in rows for key in COLOURS]
    low, high = 10 ** math.floor(math.log10(min(times))), 10 ** math.ceil(math.log10(max(times)))
    first, last = rows[0]["value"], rows[-1]["value"]

    def x(value):
        return left + WIDTH * math.log(value / first) / math.log(last / first)

    def y(ms):
        return top + HEIGHT * (1 - math.log(ms / low) / math.log(high / low))

    parts = [f'<text x="{left}" y="{top - 12}" class="title">Step time over {TITLES.get(axis, axis)}</text>']
    ms = low
    while ms <= high * 1.001:
        parts.append(f'<line x1="{left}" y1="{y(ms):.1f}" x2="{left + WIDTH}" y2="{y(ms):.1f}" class="grid"/>')
        parts.append(f'<text x="{left - 8}" y="{y(ms) + 4:.1f}" text-anchor="end">{ms:g} ms</text>')
        ms *= 10
    for row in rows:
        parts.append(f'<text x="{x(row["value"]):.1f}" y="{top + HEIGHT + 18}" text-anchor="middle">{row["value"]}</text>')
    for key, colour in COLOURS.items():
        points = [(x(row["value"]), y(row[key])) for row in rows]
        line = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{px:.1f}" cy="{py:.1f}" r="3.2" fill="{colour}"/>' for px, py in points]
    return parts


def drawing(rows):
    axes = list(dict.fromkeys(row["axis"] for row in rows))
    width = 2 * (WIDTH + GAP) + 2 * GAP - 40
    height = (len(axes) + 1) // 2 * (HEIGHT + 78) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        "<style>text{fill:#555}.title{font-size:14px;font-weight:600}.grid{stroke:#bbb;stroke-width:.6}</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for index, (key, colour) in enumerate(COLOURS.items()):
        left = GAP + 16 + index * 120
        parts.append(f'<rect x="{left}" y="14" width="14" height="4" fill="{colour}"/>')
        parts.append(f'<text x="{left + 20}" y="20">{LABELS[key]}</text>')
    for index, axis in enumerate(axes):
        left = GAP + 16 + index % 2 * (WIDTH + GAP + 22)
        top = 66 + index // 2 * (HEIGHT + 78)
        parts += panel(axis, [row for row in rows if row["axis"] == axis], left, top)
    return "\n".join(parts) + "\n</svg>\n"
