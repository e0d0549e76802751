#!/usr/bin/env python3
"""Compares logits of this engine with those of Hugging Face transformers.

    trinity logits MODEL --ids 1,2,3 --out logits.safetensors
    tools/check_with_transformers.py MODEL logits.safetensors --ids 1,2,3

MODEL is a folder with config.json and safetensors files. The file holds `logits` [T, vocab_size]
or, for several sequences, [B, T, vocab_size] in float32: those of the last T positions. The ids are
taken from --ids, --ids-file (numbers apart by commas or white space) or, failing both, `input_ids`
in the file. The folder is loaded with AfmoeForCausalLM in float32, and every tensor of it must find
its place. Exit status 0 only where the largest difference is at most --tolerance, 1e-4 by default.

Needs transformers 5 and torch (a CPU build will do), nothing else of this repository:

    python3 -m venv venv && venv/bin/pip install transformers torch safetensors
"""

import argparse
import re
import sys

import torch
from safetensors.torch import load_file
from transformers import AfmoeForCausalLM


def parse_arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", help="folder with config.json and safetensors files")
    parser.add_argument("logits", help="safetensors file that `trinity logits` wrote")
    parser.add_argument("--ids", help="token ids, apart by commas")
    parser.add_argument("--ids-file", help="file of token ids")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    return parser.parse_args()


def read_ids(arguments, tensors):
    """Token ids as a tensor [B, T]; B is 1 where they come as text."""
    text = arguments.ids
    if arguments.ids_file:
        with open(arguments.ids_file, encoding="utf-8") as file:
            text = file.read()
    if text is not None:
        return torch.tensor([[int(number) for number in re.split(r"[,\s]+", text.strip())]])
    if "input_ids" not in tensors:
        sys.exit(f"{arguments.logits}: has no input_ids: give --ids or --ids-file")
    ids = tensors["input_ids"].long()
    return ids if ids.dim() == 2 else ids[None]


def load_model(folder):
    """The model in float32; exits where a tensor is missing, left over or of another shape."""
    model, info = AfmoeForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    problems = {name: entries for name, entries in info.items() if entries}
    if problems:
        sys.exit(f"{folder}: tensors do not match the architecture: {problems}")
    return model.eval()


def main():
    arguments = parse_arguments()
    tensors = load_file(arguments.logits)
    ids = read_ids(arguments, tensors)
    found = tensors["logits"].float()
    if found.dim() == 2:
        found = found[None]
    num_positions = found.shape[1]
    with torch.no_grad():
        expected = load_model(arguments.model)(ids).logits[:, -num_positions:]
    if expected.shape != found.shape:
        sys.exit(f"logits: expected shape {list(expected.shape)}, found {list(found.shape)}")

    difference = (expected - found).abs()
    sequence, row, column = torch.unravel_index(difference.argmax(), difference.shape)
    largest = difference.max().item()
    same = (expected.argmax(-1) == found.argmax(-1)).sum().item()
    position = ids.shape[1] - num_positions + row
    print(f"sequences           {len(ids)}")
    print(f"positions           {num_positions} of {ids.shape[1]}")
    place = f"sequence {sequence}, position {position}, id {column}"
    print(f"largest difference  {largest:.3g} ({place})")
    print(f"mean difference     {difference.mean().item():.3g}")
    print(f"same top id         {same} of {len(ids) * num_positions}")
    # NaN is not at most the tolerance.
    sys.exit(0 if largest <= arguments.tolerance else 1)


if __name__ == "__main__":
    main()
