"""Images: the chain that a box is built from, made on demand, and what they take of the disk."""

from __future__ import annotations

from devbox.boxes.images.build import Images as Images
from devbox.boxes.images.recipe import Recipe as Recipe
from devbox.boxes.images.recipe import Step as Step
