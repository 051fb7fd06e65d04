# SPDX-License-Identifier: Apache-2.0
"""Small plots as SVG text, for documents: bars in groups with intervals, curves, points. No package is needed."""
from xml.sax.saxutils import escape

COLOURS = ["#4269d0", "#efb118", "#3ca951", "#ff725c", "#a463f2", "#9c6b4e", "#6cc5b0", "#97bbf5"]
INK, FAINT = "#24292f", "#d0d7de"
LEFT, TOP, BOTTOM = 52, 34, 34


def ticks(low, high):
    """About five round numbers that cover [low, high]."""
    step = 10.0 ** -9
    while True:
        for factor in (1, 2, 5):
            if (high - low) / (step * factor) <= 6:
                first = int(low // (step * factor)) * step * factor
                marks = []
                while first + len(marks) * step * factor < high + step * factor * 0.999:
                    marks.append(first + len(marks) * step * factor)
                return marks
        step *= 10


class Plot:
    """A frame with a vertical axis; `low` and `high` are widened to round numbers."""

    def __init__(self, title, width, height, low, high, legend_width=0):
        self.width, self.height = width, height
        self.right = width - 12 - legend_width
        self.marks = ticks(low, high)
        self.low, self.high = self.marks[0], self.marks[-1]
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" font-family="sans-serif" font-size="12" fill="{INK}">',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            f'<text x="{LEFT}" y="20" font-size="14">{escape(title)}</text>',
        ]
        for mark in self.marks:
            y = self.y(mark)
            self.line(LEFT, y, self.right, y, FAINT)
            self.text(LEFT - 6, y + 4, f"{mark:g}" if abs(mark) > 1e-12 else "0", "end")

    def y(self, value):
        bottom = self.height - BOTTOM
        return bottom - (value - self.low) / (self.high - self.low) * (bottom - TOP)

    def line(self, x1, y1, x2, y2, colour=INK, extra=""):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {extra}/>')

    def text(self, x, y, words, anchor="middle"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>')

    def level(self, value, words):
        """A dashed line across, named above its right end."""
        self.line(LEFT, self.y(value), self.right, self.y(value), INK, 'stroke-dasharray="5 4"')
        self.text(self.right - 4, self.y(value) - 4, words, "end")

    def bar(self, x, width, value, error, colour):
        top, base = self.y(value), self.y(max(self.low, 0.0))
        self.parts.append(f'<rect x="{x:.1f}" y="{min(top, base):.1f}" width="{width:.1f}" '
                          f'height="{abs(base - top):.1f}" fill="{colour}"/>')
        if error > 0.0:
            middle = x + width / 2
            self.line(middle, self.y(value - error), middle, self.y(value + error))

    def legend(self, names):
        for row, name in enumerate(names):
            y = TOP + 18 * row
            self.parts.append(f'<rect x="{self.right + 14}" y="{y}" width="12" height="12" '
                              f'fill="{COLOURS[row % len(COLOURS)]}"/>')
            self.text(self.right + 31, y + 10, name, "start")

    def __str__(self):
        return "\n".join(self.parts + ["</svg>", ""])


def bars(title, groups, series, values, errors=None, levels=(), x_name="", width=760, height=320):
    """values[s][g] of series s in group g, each with half an interval, if any; levels: (value, name)."""
    errors = errors or [[0.0] * len(groups) for _ in series]
    highest = max([v + e for row, spread in zip(values, errors) for v, e in zip(row, spread)] + [v for v, _ in levels])
    plot = Plot(title, width, height, min(0.0, min(min(row) for row in values)), highest, legend_width=190)
    slot = (plot.right - LEFT) / len(groups)
    each = slot * 0.8 / len(series)
    for g, group in enumerate(groups):
        for s in range(len(series)):
            x = LEFT + g * slot + slot * 0.1 + s * each
            plot.bar(x, each * 0.92, values[s][g], errors[s][g], COLOURS[s % len(COLOURS)])
        plot.text(LEFT + (g + 0.5) * slot, height - 12, group)
    if x_name:
        plot.text(plot.right + 14, height - 12, x_name, "start")
    for value, name in levels:
        plot.level(value, name)
    plot.legend(series)
    return str(plot)


def curves(title, x_names, series, values, x_name, levels=(), marks=None, width=760, height=300):
    """values[s][i] of series s at place i, joined by lines; circles at the same values, or open ones at marks[s][i]."""
    filled = marks is None
    marks = marks or values
    everything = [v for row in [*values, *marks] for v in row] + [value for value, _ in levels]
    plot = Plot(title, width, height, min(0.0, min(everything)), max(everything),
                legend_width=190 if len(series) > 1 else 0)
    step = (plot.right - LEFT) / len(x_names)

    def place(i, value):
        return LEFT + (i + 0.5) * step, plot.y(value)

    for s, row in enumerate(values):
        colour = COLOURS[s % len(COLOURS)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(i, value) for i, value in enumerate(row)))
        plot.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for i, value in enumerate(marks[s]):
            x, y = place(i, value)
            plot.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' if filled else
                              f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="none" stroke="{colour}" '
                              'stroke-width="1.5"/>')
            if s == 0:
                plot.text(x, height - 18, x_names[i])
    if len(series) > 1:
        plot.text(plot.right + 14, height - 18, x_name, "start")
        plot.legend(series)
    else:
        plot.text((LEFT + plot.right) / 2, height - 4, x_name)
    for value, name in levels:
        plot.level(value, name)
    return str(plot)


def curve(title, values, x_name, levels=(), width=760, height=300):
    """values at 1, 2, ...; levels: (value, name)."""
    return curves(title, [str(i + 1) for i in range(len(values))], [""], [list(values)], x_name, levels, None, width,
                  height)


def points(title, pairs, width=420, height=360):
    """(predicted, observed) shares, beside the line where they are equal."""
    highest = max(max(pair) for pair in pairs)
    plot = Plot(title, width, height, 0.0, highest)
    span = plot.high - plot.low

    def x(value):
        return LEFT + (value - plot.low) / span * (plot.right - LEFT)

    plot.line(x(plot.low), plot.y(plot.low), x(plot.high), plot.y(plot.high), INK, 'stroke-dasharray="5 4"')
    for predicted, observed in pairs:
        plot.parts.append(f'<circle cx="{x(predicted):.1f}" cy="{plot.y(observed):.1f}" r="4" fill="{COLOURS[0]}"/>')
    for mark in plot.marks:
        plot.text(x(mark), height - 18, f"{mark:g}")
    plot.text((LEFT + plot.right) / 2, height - 4, "predicted")
    return str(plot)
