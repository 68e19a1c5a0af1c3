"""Repeatable chance: every random choice of a render follows from its prompt and seed."""

import hashlib

import numpy as np


def random_generator(*, prompt: str, seed: int, purpose: str) -> np.random.Generator:
    """A generator of its own for each purpose, so that a new draw in one place never changes another."""
    # Prompts may hold lone surrogates (a JSON escape can); they count like any other character.
    material = f"{purpose}\0{seed}\0{prompt}".encode("utf-8", "surrogatepass")
    return np.random.default_rng(int.from_bytes(hashlib.sha256(material).digest()))
