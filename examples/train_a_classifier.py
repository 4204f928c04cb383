"""Train a torch classifier on a balanced set: python train_a_classifier.py BALANCED [STEPS].

BALANCED is a folder that synthaug augment wrote. The draws follow what cross-validation chose:
synthetic images come only as often as they helped, classical changes are made anew each time.
"""

import sys

import torch
from torch.utils.data import DataLoader

import synthaug

balanced = synthaug.load(sys.argv[1])
steps = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
draws = balanced.draws(64 * steps, seed=0)


def collate(items: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
    images = [synthaug.datasets.to_float(draws.image(i)[None]) for i in items]
    images = [torch.nn.functional.interpolate(image, (32, 32)) for image in images]
    return torch.cat(images), torch.as_tensor(draws.targets[items])


loader = DataLoader(range(len(draws)), batch_size=64, collate_fn=collate)
model = torch.nn.Sequential(
    torch.nn.LazyConv2d(32, 3, stride=2), torch.nn.ReLU(),
    torch.nn.Conv2d(32, 64, 3, stride=2), torch.nn.ReLU(),
    torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(), torch.nn.LazyLinear(len(balanced.classes)),
)  # fmt: skip
criterion = torch.nn.CrossEntropyLoss(torch.as_tensor(balanced.loss_weights()).float())
optimizer = torch.optim.AdamW(model.parameters())
for images, labels in loader:
    loss = criterion(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"loss after {steps} steps: {loss.item():.3f}")
