"""Noise in outputs: what is left out always, what an author may leave out, and what never is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.domain.execution import CellRun, CellState, Evidence, Output
from grader.grading.display import shown_text
from grader.grading.quiet import Noise, check_expression, without_noise


def quiet(text: str, *ignored: str) -> str:
    output = Output(kind="stdout", text=text)
    run = CellRun(index=0, state=CellState.OK, outputs=(output,))
    evidence = Evidence(source="", notebook_source="", outputs=(output,), cell_runs=(run,), replies={})
    cleaned = without_noise(evidence, ignored=ignored)
    assert shown_text(cleaned) == cleaned.outputs[0].text, "outputs and cells say the same"
    return cleaned.outputs[0].text.strip()


@pytest.mark.parametrize(
    "noise",
    [
        "CPU times: user 1.2 ms, sys: 0 ns, total: 1.2 ms",
        "Wall time: 3.45 ms",
        "CPU times: total: 15.6 ms",
        "1.23 µs ± 12.3 ns per loop (mean ± std. dev. of 7 runs, 1,000,000 loops each)",
        "The slowest run took 5.20 times longer than the fastest.",
        "100%|██████████| 10/10 [00:01<00:00,  9.95it/s]",
        "loss 0.3:  45%|####5     | 45/100 [00:00<00:00, 12.1it/s, loss=0.31]",
        "  0%|          | 0/10 [00:00<?, ?it/s]",
        "1234it [00:01, 900.12it/s]",
        "782/782 [==============================] - 3s 4ms/step - loss: 1.2",
        "Downloading http://yann.lecun.com/exdb/mnist/train-images-idx3-ubyte.gz to data/MNIST/raw",
        "Extracting data/MNIST/raw/train.gz to data/MNIST/raw",
        "Files already downloaded and verified",
    ],
)
def test_lines_that_are_never_an_answer_are_left_out(noise: str) -> None:
    assert quiet(f"tensor(1.)\n{noise}\n5") == "tensor(1.)\n\n5"


def test_what_was_written_over_is_not_shown() -> None:
    assert quiet("step 1\rstep 2\rdone 3\n4\r\n") == "done 3\n4"
    assert quiet("  0%|   | 0/2\r 50%|█  | 1/2\r100%|██ | 2/2\ntensor(5)") == "tensor(5)"


@pytest.mark.parametrize(
    "answer",
    [
        "95.0%",
        "accuracy 95 % of 200",
        "Extracting the last row: tensor([1])",
        "It took 3 steps",
        "Time: 12.5",
        "[1, 2, 3]",
        "tensor([[1., 2.],\n        [3., 4.]])",
        "x | y | 3",
        "loop 3",
        "<f at 0x7f3a12b4c0d0>",
    ],
)
def test_answers_stay(answer: str) -> None:
    assert quiet(answer) == answer


@pytest.mark.parametrize(
    ("kind", "text", "left"),
    [
        ("timings", "took 12.3 ms", "took"),
        ("timings", "学習時間 3.2秒 loss 0.5", "学習時間  loss 0.5"),
        ("timings", "1.2 s ± 3 ms", ""),
        ("timings", "tensor([3.]) 5 samples", "tensor([3.]) 5 samples"),
        ("addresses", "tensor at 0x7f3a12b4c0d0, 140234", "tensor at , 140234"),
        ("progress", "Epoch 3/10 loss 0.5\n0.25", "0.25"),
        ("progress", "エポック 3: 0.5\n0.25", "0.25"),
        ("progress", "30/100\n50%\n0.25", "0.25"),
        ("progress", "the epoch 3 loss 0.5", "the epoch 3 loss 0.5"),
        ("warnings", "<ipython>:3: UserWarning: old 3.0\n  warnings.warn(1)\n0.25", "0.25"),
        ("warnings", "Warning signs: 3", "Warning signs: 3"),
        (r"id=\d+", "id=140234 value 3", "value 3"),
        (r"^debug.*", "debug 1 2\n3", "3"),
    ],
)
def test_an_author_names_more(kind: str, text: str, left: str) -> None:
    assert quiet(text, kind) == left
    assert quiet(text) == text


def test_several_kinds_are_left_out_together() -> None:
    text = "Epoch 1 loss 3\ntook 3.1 ms at 0x7f00aa11\nrun 7\n5"
    assert quiet(text, "timings", "addresses", "progress", r"run \d") == "took  at \n\n5"


def test_an_expression_leaves_long_lines_alone() -> None:
    assert quiet("a" * 300 + "\naaa", "a+") == "a" * 300


def test_an_expression_may_not_match_nothing() -> None:
    assert check_expression("x*") is not None
    assert check_expression(r"step \d+: \w+") is None


@pytest.mark.parametrize("text", ["9" * 100_000, "a " * 50_000, "0%|" * 30_000, "[" + "=" * 90_000, "x\r" * 50_000])
def test_hostile_text_is_cleaned_without_delay(text: str) -> None:
    assert len(quiet(text, *Noise)) <= len(text)


@given(st.text(alphabet="0123456789.%| []=itsmµ±\r\nEpoch/x<>:", max_size=120), st.sets(st.sampled_from(list(Noise))))
def test_cleaning_only_takes_away(text: str, kinds: set[Noise]) -> None:
    left = iter(text)
    assert all(character in left for character in quiet(text, *kinds))
