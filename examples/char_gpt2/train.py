# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Train the character model of this folder from scratch and write it in the Hugging Face format.

    python train.py                          # the committed model, minutes on two cores
    python train.py --steps 100 --out DIR    # a quick trial that leaves this folder alone

The text is corpus.txt; heldout.txt is never trained on and gives the loss and the perplexity printed at the end.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from make_corpus import ALPHABET
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor
from torch.nn import functional
from transformers import GPT2Config, GPT2LMHeadModel

HERE = Path(__file__).resolve().parent
PAD = "<pad>"
SAMPLE_PROMPTS = ("Once upon a time ", "The fox ", "The rain fell on the village, and ")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the result, apart from the text and the versions of the libraries."""

    seed: int = 7
    threads: int = 2
    steps: int = 3000
    warmup_steps: int = 100
    batch: int = 8
    learning_rate: float = 5e-3
    final_learning_rate: float = 1e-4
    weight_decay: float = 0.1
    gradient_norm: float = 1.0

    def learning_rate_at(self, step: int) -> float:
        """The learning rate of one step: a linear warm-up, then half a cosine down to the final rate."""
        if step < self.warmup_steps:
            return self.learning_rate * (step + 1) / self.warmup_steps
        progress = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        amplitude = self.learning_rate - self.final_learning_rate
        return self.final_learning_rate + 0.5 * amplitude * (1 + math.cos(math.pi * progress))


def model_config() -> GPT2Config:
    """The shape of the model: every dimension is a multiple of 16, so that hardware tiles divide it."""
    return GPT2Config(
        vocab_size=1 + len(ALPHABET),
        n_positions=256,
        n_embd=128,
        n_layer=4,
        n_head=4,
        n_inner=384,
        activation_function="gelu_new",
        initializer_range=0.06,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )


def make_tokenizer() -> Tokenizer:
    """One token per character: ids 1 to 63 are `ALPHABET`; id 0 is padding and stands for foreign characters."""
    vocabulary = {symbol: index for index, symbol in enumerate((PAD, *ALPHABET))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=PAD))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), behavior="isolated")  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.decoder = decoders.Fuse()  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.add_special_tokens([PAD])
    return tokenizer


def encode(tokenizer: Tokenizer, text: str) -> Tensor:
    """The ids of `text`, shape [characters]."""
    return torch.tensor(tokenizer.encode(text).ids)


def window_starts(text: str, window: int) -> tuple[Tensor, Tensor]:
    """Where a training window may begin: after a newline, and after a space.

    A prompt begins at a word, mostly at the first one of a tale, so the first positions should see just that.
    """
    last = len(text) - window - 1
    lines = [0] + [i + 1 for i, c in enumerate(text[:last]) if c == "\n"]
    words = [i + 1 for i, c in enumerate(text[:last]) if c == " "]
    return torch.tensor(lines), torch.tensor(words)


def parameter_groups(model: GPT2LMHeadModel, weight_decay: float) -> list[dict[str, Any]]:
    """Weight decay for the matrices; none for biases and norms."""
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]


def next_character_loss(model: GPT2LMHeadModel, ids: Tensor, reduction: str = "mean") -> Tensor:
    """Cross entropy in nats of ids[:, 1:] given what comes before; ids has the shape [batch, characters]."""
    logits: Tensor = model(input_ids=ids[:, :-1], use_cache=False).logits
    return functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction=reduction)


@torch.no_grad()
def heldout_loss(model: GPT2LMHeadModel, ids: Tensor) -> float:
    """Mean loss in nats per character over `ids` [characters], cut into windows of n_positions that do not overlap.

    A window knows nothing of the one before; characters after the last whole window are not counted.
    """
    model.eval()
    window = model.config.n_positions
    count = (len(ids) - 1) // window
    total = 0.0
    for first in range(0, count, 16):
        rows = [ids[i * window : (i + 1) * window + 1] for i in range(first, min(first + 16, count))]
        total += float(next_character_loss(model, torch.stack(rows), reduction="sum"))
    return total / (count * window)


@torch.no_grad()
def greedy(model: GPT2LMHeadModel, tokenizer: Tokenizer, prompt: str, count: int) -> str:
    """The `count` characters that follow `prompt` when the most likely one is taken every time."""
    model.eval()
    ids = encode(tokenizer, prompt)
    for _ in range(count):
        logits: Tensor = model(input_ids=ids[None, -model.config.n_positions :], use_cache=False).logits
        ids = torch.cat([ids, logits[0, -1].argmax()[None]])
    return tokenizer.decode(ids[-count:].tolist(), skip_special_tokens=False)


def train(recipe: Recipe, text: str, tokenizer: Tokenizer) -> GPT2LMHeadModel:
    """A model trained on `text` from random weights; a line of progress goes to stderr every 100 steps."""
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    model = GPT2LMHeadModel(model_config())
    optimizer = torch.optim.AdamW(parameter_groups(model, recipe.weight_decay), betas=(0.9, 0.95))
    ids = encode(tokenizer, text)
    window = model.config.n_positions
    lines, words = window_starts(text, window)
    model.train()
    begin = time.perf_counter()
    for step in range(recipe.steps):
        learning_rate = recipe.learning_rate_at(step)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        half = recipe.batch // 2
        starts = torch.cat(
            [
                lines[torch.randint(len(lines), (half,))],
                words[torch.randint(len(words), (recipe.batch - half,))],
            ]
        )
        batch = torch.stack([ids[start : start + window + 1] for start in starts.tolist()])
        loss = next_character_loss(model, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.gradient_norm)
        optimizer.step()
        if (step + 1) % 100 == 0 or step + 1 == recipe.steps:
            seconds = time.perf_counter() - begin
            left = seconds / (step + 1) * (recipe.steps - step - 1)
            line = f"step {step + 1}/{recipe.steps}  loss {loss.item():.3f}  learning rate {learning_rate:.1e}"
            print(f"{line}  {seconds:.0f} s, about {left:.0f} s left", file=sys.stderr, flush=True)
    return model


def write_folder(model: GPT2LMHeadModel, tokenizer: Tokenizer, out: Path) -> None:
    """Write config.json, model.safetensors and the tokenizer files to `out`.

    Each file is written under another name first and then renamed, so that a stopped run never leaves a broken file.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".writing-") as name:
        folder = Path(name)
        model.save_pretrained(folder)
        tokenizer.save(str(folder / "tokenizer.json"))
        settings = {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": model.config.n_positions,
            "pad_token": PAD,
            "unk_token": PAD,
            "clean_up_tokenization_spaces": False,
        }
        (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
        for path in sorted(folder.iterdir()):
            path.chmod(0o644)  # safetensors makes files that only their owner may read
            os.replace(path, out / path.name)


def main() -> None:
    """Train, measure on the held-out text, write the folder, show what the model writes."""
    parser = argparse.ArgumentParser(description="Train the character model of this folder.")
    parser.add_argument("--steps", type=int, default=Recipe.steps, help="training steps (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write (default: this folder)")
    arguments = parser.parse_args()
    if arguments.steps < 1:
        parser.error("--steps must be at least 1")

    tokenizer = make_tokenizer()
    text = (HERE / "corpus.txt").read_text(encoding="ascii")
    model = train(Recipe(steps=arguments.steps), text, tokenizer)
    write_folder(model, tokenizer, arguments.out)
    loss = heldout_loss(model, encode(tokenizer, (HERE / "heldout.txt").read_text(encoding="ascii")))
    print(f"parameters: {sum(p.numel() for p in model.parameters())}")
    print(f"held-out loss: {loss:.4f} nats per character, perplexity {math.exp(loss):.4f}")
    for prompt in SAMPLE_PROMPTS:
        print(f"{prompt!r} -> {greedy(model, tokenizer, prompt, 120)!r}")


if __name__ == "__main__":
    main()
