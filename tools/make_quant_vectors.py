#!/usr/bin/env python3
"""Makes tests/data/quant: blocks of every format with the values that the gguf package gives them.

usage: make_quant_vectors.py [OUT_FOLDER]        (needs: pip install gguf numpy)

FORMAT.bin holds blocks, then their values as float32. The bytes of the blocks are random, their
binary16 scales of every kind: large, small, negative, zero, subnormal.
reference.bin holds float32 values, then for each of REFERENCES the blocks into which the gguf
package quantises them.
"""

import pathlib
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, dequantize, quantize

# Byte offsets of the binary16 numbers in a block.
HALVES = {
    "Q8_0": [0],
    "Q4_0": [0],
    "Q4_1": [0, 2],
    "Q5_0": [0],
    "Q5_1": [0, 2],
    "Q2_K": [80, 82],
    "Q3_K": [108],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
    "IQ4_NL": [0],
    "IQ4_XS": [0],
    "MXFP4": [],
}
REFERENCES = ["Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "MXFP4"]
VALUES_PER_FORMAT = 4096
REFERENCE_VALUES = 4096


def random_halves(rng, count):
    """Bits of finite binary16 numbers: thirds of weights' scales, subnormal ones, and any."""
    usual = rng.normal(0, 0.01, count).astype(np.float16).view(np.uint16)
    subnormal = rng.integers(0, 0x400, count).astype(np.uint16) | (
        rng.integers(0, 2, count).astype(np.uint16) << np.uint16(15)
    )
    every = rng.integers(0, 0x10000, count).astype(np.uint16)
    every = np.where((every & 0x7C00) == 0x7C00, every & 0x83FF, every).astype(np.uint16)
    kind = rng.integers(0, 3, count)
    return np.select([kind == 0, kind == 1], [usual, subnormal], every)


def random_blocks(rng, name):
    block_values, block_bytes = GGML_QUANT_SIZES[GGMLQuantizationType[name]]
    count = VALUES_PER_FORMAT // block_values
    blocks = rng.integers(0, 256, (count, block_bytes), dtype=np.uint8)
    for offset in HALVES[name]:
        halves = random_halves(rng, count)
        blocks[:, offset] = halves & 0xFF
        blocks[:, offset + 1] = halves >> 8
    return blocks


def reference_values(rng):
    """Rows like weights, some with outliers, one shifted, one constant, one zero."""
    values = rng.normal(0, 0.02, (REFERENCE_VALUES // 256, 256))
    values[1] = rng.standard_t(3, 256) * 0.02
    values[2] += 0.1
    values[3] = 0.125
    values[4] = 0
    values[5, ::97] = 3
    return values.astype(np.float32)


def main():
    default = pathlib.Path(__file__).parent.parent / "tests/data/quant"
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    for name in HALVES:
        blocks = random_blocks(rng, name)
        with np.errstate(over="ignore"):
            values = dequantize(blocks, GGMLQuantizationType[name])
        assert values.dtype == np.float32 and values.size == VALUES_PER_FORMAT
        (out / f"{name}.bin").write_bytes(blocks.tobytes() + values.tobytes())
    values = reference_values(rng)
    blocks = [quantize(values, GGMLQuantizationType[name]).tobytes() for name in REFERENCES]
    (out / "reference.bin").write_bytes(values.tobytes() + b"".join(blocks))


if __name__ == "__main__":
    main()
