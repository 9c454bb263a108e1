# SPDX-License-Identifier: Apache-2.0
"""The peers of `qalam bench`, a function each. What a library calls its defaults is left alone; what is not (a start, a
scale) is said beside it. Libraries are imported where they are used: each lives in an environment of its own."""
from . import callback, density, evolution, models, steps  # noqa: F401 (each registers its own)
from .contract import Task, make  # noqa: F401
