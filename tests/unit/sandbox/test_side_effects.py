"""Which functions are called in a fork: every one that does not plainly work on its arguments alone."""

import pytest

from grader.sandbox.kernel.side_effects import may_leave_traces

PRELUDE = """
import math, os, random, functools
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn, sin
from math import sqrt
k, name, sizes = 3, "k", (1, 2)
w = torch.ones(2, requires_grad=True)
plain = torch.ones(2)
array = np.ones(2)
rows, table, names = [], {}, set()
add = rows.append
layer = nn.Linear(1, 1)
class Counter:
    count = 0
counter = Counter()
def pure(x): return x * k
def impure(x): rows.append(x)
"""


def function(source: str) -> object:
    namespace: dict[str, object] = {}
    exec(PRELUDE + source, namespace)  # noqa: S102
    return namespace["f"]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("def f(x): return 2*x**3 - 3*x**2 - 12*x + 1", id="polynomial"),
        pytest.param("f = lambda x: x ** 2", id="lambda"),
        pytest.param("def f(x, n=2, *, m=3): return x ** n + m", id="constant-defaults"),
        pytest.param("def f(x): return torch.exp(x) + sin(x) + np.pi + sqrt(2) + math.e", id="frameworks"),
        pytest.param("def f(x): return F.relu(torch.tanh(x)) + np.sin(1)", id="functional"),
        pytest.param("relu = F.relu\ndef f(x): return relu(x)", id="framework-function-under-a-name"),
        pytest.param("def f(x): return pure(x) + k", id="pure-helper"),
        pytest.param("def f(n): return 1 if n < 1 else n * f(n - 1)", id="recursive"),
        pytest.param("def even(n): return odd(n - 1)\ndef f(n): return even(n)\ndef odd(n): return f(n)", id="mutual"),
        pytest.param("def f(x):\n    print(x)\n    return x", id="prints"),
        pytest.param("def f(x):\n    import torch\n    return torch.sum(x)", id="imports-torch"),
        pytest.param(
            "def f(x):\n    y = [x, 2 * x]\n    y[0] = x\n    y.append(x)\n    return sum(y)",
            id="locals",
        ),
        pytest.param("def f(x):\n    def g(y): return y * x\n    return g(x)", id="inner-function"),
        pytest.param("def f(x):\n    y = x ** 2\n    y.backward()\n    return x.grad", id="differentiates"),
        pytest.param("def f(x): return undefined", id="undefined-name"),
        pytest.param("def f(x):\n    raise ValueError(x)", id="raises"),
    ],
)
def test_functions_of_their_arguments_are_called_in_the_kernel(source: str) -> None:
    assert not may_leave_traces(function(source))


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("def f(x):\n    global k\n    k += 1", id="writes-a-global"),
        pytest.param("def f(x):\n    global k\n    del k", id="deletes-a-global"),
        pytest.param(
            "def f(x):\n    def g():\n        global k\n        k = 1\n    g()", id="writes-in-an-inner-function"
        ),
        pytest.param("def f(x): return w * x", id="leaf"),
        pytest.param("def f(x): return plain.add_(x)", id="tensor"),
        pytest.param("def f(x): array[0] = 1", id="array"),
        pytest.param("def f(x): rows.append(x)", id="list"),
        pytest.param("def f(x): add(x)", id="method-of-a-list-under-a-name"),
        pytest.param("def f(x): table[1] = x", id="dict"),
        pytest.param("def f(x): names.add(1)", id="set"),
        pytest.param("def f(x): counter.count += 1", id="object"),
        pytest.param("def f(x): Counter.count += 1", id="class"),
        pytest.param("def f(x): f.calls = 1", id="own-attribute"),
        pytest.param("def f(x): torch.answer = x", id="module-attribute"),
        pytest.param("def f(x): return layer(x)", id="module"),
        pytest.param("def f(x): return impure(x)", id="impure-helper"),
        pytest.param("def f(x): return pure(impure(x))", id="impure-helper-of-a-pure-one"),
        pytest.param("def f(x, seen=[]): seen.append(x)", id="list-as-default"),
        pytest.param("def f(x, *, seen={}): seen[0] = x", id="dict-as-keyword-default"),
        pytest.param(
            "def make():\n    n = 0\n    def f(x):\n        nonlocal n\n        n += 1\n    return f\nf = make()",
            id="closure",
        ),
        pytest.param("@functools.lru_cache\ndef f(x): return x", id="cache"),
        pytest.param("@functools.wraps(pure)\ndef f(x): return x", id="wrapped"),
        pytest.param("f = functools.partial(pure)", id="partial"),
        pytest.param("f = nn.Linear(1, 1)", id="nn-module"),
        pytest.param("f = rows.append", id="bound-method"),
        pytest.param("class f:\n    def __init__(self, x): rows.append(x)", id="class-called"),
        pytest.param("def f(x): os.chdir('/')", id="os"),
        pytest.param("def f(x): open('x', 'w')", id="file"),
        pytest.param("def f(x): exec('k = 1', globals())", id="exec"),
        pytest.param("def f(x): setattr(counter, 'count', 1)", id="setattr"),
        pytest.param("def f(x):\n    import sys\n    sys.path.clear()", id="imports-another-module"),
        pytest.param("def f(x): torch.set_default_dtype(torch.float64)", id="default-dtype"),
        pytest.param("def f(x): torch._C._set_grad_enabled(False)", id="private-part-of-torch"),
        pytest.param("def f(x): np.save('x', 1)", id="numpy-save"),
        pytest.param(
            "def f(x):\n    while True:\n        try:\n            x += 1\n        except BaseException: pass",
            id="catches",
        ),
        pytest.param("int = rows.append\ndef f(x): return int(x)", id="builtin-under-another-meaning"),
    ],
)
def test_everything_else_is_called_in_a_fork(source: str) -> None:
    assert may_leave_traces(function(source))


def test_an_object_that_raises_when_looked_at_is_doubtful() -> None:
    class Meta(type):
        def __getattribute__(cls, name: str) -> object:
            raise RuntimeError

    class Odd(metaclass=Meta):
        def __call__(self) -> None: ...

    assert may_leave_traces(Odd())
