"""Train a small network on scikit-learn's handwritten digits.

The data (1,797 pictures, 8x8 pixels) ships with scikit-learn, so this runs without a download.
Writes metrics.json, model.pt and curves for TensorBoard; on the CPU the same seed gives the same
numbers.

    python train.py
    python train.py --epochs 30 --workers 2
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.tensorboard import SummaryWriter


def load(seed: int) -> tuple[TensorDataset, TensorDataset]:
    """Pictures as 1x8x8 tensors from 0 to 1, with their digit: training and held-out data."""
    pictures, digits = load_digits(return_X_y=True)
    parts = train_test_split(pictures, digits, test_size=0.25, stratify=digits, random_state=seed)
    x_train, x_test, y_train, y_test = (torch.tensor(part) for part in parts)

    def dataset(x: torch.Tensor, y: torch.Tensor) -> TensorDataset:
        return TensorDataset(x.float().reshape(-1, 1, 8, 8) / 16, y.long())

    return dataset(x_train, y_train), dataset(x_test, y_test)


def build_model() -> nn.Module:
    """Two convolutions and two layers on top: about 21,000 parameters."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 120),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(120, 10),
    )


def epoch(
    model: nn.Module, batches: DataLoader, device: str, optimizer: torch.optim.Optimizer
) -> float:
    """One pass over the training data; the mean loss of its batches."""
    model.train()
    losses = []
    for x, y in batches:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x.to(device)), y.to(device))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


@torch.no_grad()
def accuracy(model: nn.Module, data: TensorDataset, device: str) -> float:
    """The share of pictures that are read right."""
    model.eval()
    x, y = data.tensors
    return (model(x.to(device)).argmax(dim=1).cpu() == y).float().mean().item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--workers", type=int, default=0, help="processes that load data")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    # Batches this small are too little work to share among cores.
    torch.set_num_threads(1)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(f"torch {torch.__version__}, device={device}, seed={args.seed}")
    train, test = load(args.seed)
    batches = DataLoader(train, args.batch_size, shuffle=True, num_workers=args.workers)
    model = build_model().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    args.output.mkdir(parents=True, exist_ok=True)
    with SummaryWriter(args.output / "runs") as curves:
        for number in range(1, args.epochs + 1):
            loss = epoch(model, batches, device, optimizer)
            reached = accuracy(model, test, device)
            curves.add_scalar("loss/train", loss, number)
            curves.add_scalar("accuracy/test", reached, number)

    metrics = {"loss": round(loss, 4), "accuracy": round(reached, 4)}
    for metric, value in metrics.items():
        print(f"{metric}={value:.4f}")
    torch.save(model.state_dict(), args.output / "model.pt")
    (args.output / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    print(f"wrote metrics.json and model.pt to {args.output.resolve()}")


if __name__ == "__main__":
    main()
