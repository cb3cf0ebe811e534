"""A module of PyTorch: kept as safetensors with tied weights, and built again from them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.real.box import Person

NET = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.words = torch.nn.Embedding(10, 4)
        self.inner = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU())
        self.out = torch.nn.Linear(4, 10, bias=False)
        self.out.weight = self.words.weight

    def forward(self, ids):
        return self.out(self.inner(self.words(ids)).mean(1))

def build(state):
    net = Net()
    net.load_state_dict(state)
    return net.eval()

def featurize(rows):
    return torch.tensor([row["ids"] for row in rows])

def predict(net, ids):
    with torch.no_grad():
        return net(ids)
"""
TRAIN = """
import devbox
from net import Net, build, featurize, predict

if __name__ == "__main__":
    made = devbox.register_model(
        "net", Net(), build=build, featurize=featurize, predict=predict, loss="cross entropy",
        example=([{"ids": [1, 2]}],),
    )
    print(made.version)
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_module_comes_back(base_image: str, tmp_path: Path) -> None:
    del base_image
    project = tmp_path / "project"
    project.mkdir()
    person = Person(project, os.environ["DEVBOX_USER"])
    person.toml('[box]\nname = "t"\nprofile = "pytorch"\npip = ["safetensors"]\n')
    person.run("up")
    (project / "net.py").write_text(NET)
    (project / "train.py").write_text(TRAIN)
    assert person.sh("cd /workspace && python -W error train.py") == "1"
    definition = person.json("model", "show", "net")["slots"]["definition"]
    assert (definition["framework"], definition["loss"]) == ("torch", "cross entropy")
    # The tied weights are counted once.
    assert definition["parameters"] == 10 * 4 + 4 * 4 + 4
    assert [each["name"] for each in definition["layers"]] == ["words", "inner.0", "inner.1", "out"]
    assert person.json("model", "verify", "net", "--run")["called"]["stage"] == "done"
