# SPDX-License-Identifier: LGPL-2.1-or-later
"""Whether two files of bytes hold nearly the same picture: the correlation of both."""
import sys

first, second = (open(path, "rb").read() for path in sys.argv[1:])
if len(first) != len(second) or not first:
    sys.exit(f"{len(first)} and {len(second)} bytes")
mean = sum(first) / len(first), sum(second) / len(second)
product = sum((a - mean[0]) * (b - mean[1]) for a, b in zip(first, second))
squares = sum((a - mean[0]) ** 2 for a in first), sum((b - mean[1]) ** 2 for b in second)
correlation = product / (squares[0] * squares[1]) ** 0.5
if correlation < 0.8:
    sys.exit(f"a correlation of {correlation:.3f}")
