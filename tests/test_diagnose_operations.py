"""Networks of operations, lazily made layers and a loss object: read whole, called right, and their mistakes named."""

import pytest

from learners_operations import A_BATCH_IN_ONE_CALL, A_LOOP_IN_A_TRAINER, A_SOFTMAX_IN_THE_LOSS

RIGHT = {
    "a batch in one call": A_BATCH_IN_ONE_CALL,
    "a softmax in the loss": A_SOFTMAX_IN_THE_LOSS,
    "a loop in a trainer": A_LOOP_IN_A_TRAINER,
}


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT.keys())
def test_a_right_network_is_called_correct(probed, text):
    found = probed(text)
    assert (found.verdict, found.numbers) == ("correct", []), found
    assert "hidden Sigmoid, Tanh" in found.reference  # each activation of theirs is somewhere in it


WRONG = {
    "half a slope": (A_BATCH_IN_ONE_CALL, "self.output * (1.0 - self.output)", "(1.0 - self.output)", [11]),
    "no slope": (A_LOOP_IN_A_TRAINER, "output_grad * (1 - self.output ** 2)", "output_grad", [8]),
    "a mean of biases": (A_BATCH_IN_ONE_CALL, "grad.sum(axis=0).reshape", "grad.mean(axis=0).reshape", [6]),
    "targets minus predictions": (A_LOOP_IN_A_TRAINER, "2.0 * (self.prediction - self.target)",
                                  "2.0 * (self.target - self.prediction)", [2]),
    "no 1/N": (A_SOFTMAX_IN_THE_LOSS, "(self.softmax_preds - self.target) / self.prediction.shape[0]",
               "self.softmax_preds - self.target", [3]),
    "an optimizer that climbs": (A_BATCH_IN_ONE_CALL, "param -= self.lr", "param += self.lr", [2]),
    "both sides of a softmax in the loss": (
        A_SOFTMAX_IN_THE_LOSS, "self.target * np.log(self.softmax_preds)",
        "self.target * np.log(self.softmax_preds) + (1 - self.target) * np.log(1 - self.softmax_preds)", [9]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "right", "wrong", "numbers"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_network_is_named(probed, text, right, wrong, numbers):
    assert text.count(right) == 1
    found = probed(text.replace(right, wrong))
    assert (found.verdict, found.numbers) == ("wrong", numbers), found
