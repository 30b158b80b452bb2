"""Which pairs each part of a cross-validation holds out."""

from itertools import pairwise

PARTS, BLOCKS = 4, 16


def held_out(count, parts=PARTS, blocks=BLOCKS):
    """Of each part the indices of the pairs that it holds: every `parts`-th of `blocks` runs of consecutive pairs."""
    bounds = [count * block // blocks for block in range(blocks + 1)]
    runs = [set(range(start, end)) for start, end in pairwise(bounds)]
    return [set().union(*runs[part::parts]) for part in range(parts)]
