#!/usr/bin/env python3
"""Makes tests/data/gguf: small GGUF files with what the gguf package reads from them.

usage: make_gguf_vectors.py [OUT_FOLDER]        (needs: pip install gguf numpy)

tiny.gguf is a whole AFMoE model of two layers in which every type of tensor occurs;
split-0000N-of-00003.gguf are five tensors in three files. tiny.json and split.json hold names,
shapes (outermost first), types and sums of the bytes.
"""

import json
import pathlib
import sys

import gguf
import numpy as np
from gguf import GGML_QUANT_SIZES
from gguf import GGMLQuantizationType as Q
from make_quant_vectors import HALVES

HIDDEN, HEADS, KV_HEADS, HEAD_DIM, FFN, EXPERTS, VOCAB = 256, 2, 1, 16, 32, 2, 32


def blocks_of(rng, shape, kind):
    """Random bytes of a tensor of this type whose values are about as small as weights are."""
    if kind == Q.F32:
        return rng.normal(0, 0.05, shape).astype(np.float32)
    if kind == Q.F16:
        return rng.normal(0, 0.05, shape).astype(np.float16)
    values, size = GGML_QUANT_SIZES[kind]
    count = int(np.prod(shape)) // values
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for offset in HALVES.get(kind.name, []):
        halves = rng.normal(0, 1e-4, count).astype(np.float16)
        blocks[:, offset : offset + 2] = halves[:, None].view(np.uint8)
    if kind == Q.MXFP4:
        blocks[:, 0] = rng.integers(118, 124, count)
    if kind == Q.BF16:
        normal = rng.normal(0, 0.05, count).astype(np.float32).view(np.uint32)
        blocks = (normal >> 16).astype(np.uint16)[:, None].view(np.uint8)
    return blocks.reshape(*shape[:-1], shape[-1] // values * size)


def add_tensor(writer, rng, name, shape, kind=Q.F32):
    data = blocks_of(rng, shape, kind)
    writer.add_tensor(name, data, raw_dtype=None if kind in (Q.F32, Q.F16) else kind)


def add_attention(writer, rng, prefix):
    query, key = HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM
    for name in ("attn_norm", "post_attention_norm", "ffn_norm", "post_ffw_norm"):
        add_tensor(writer, rng, f"{prefix}{name}.weight", (HIDDEN,))
    for name in ("attn_q_norm", "attn_k_norm"):
        add_tensor(writer, rng, f"{prefix}{name}.weight", (HEAD_DIM,))
    add_tensor(writer, rng, prefix + "attn_q.weight", (query, HIDDEN), Q.Q4_K)
    add_tensor(writer, rng, prefix + "attn_k.weight", (key, HIDDEN), Q.Q5_K)
    add_tensor(writer, rng, prefix + "attn_v.weight", (key, HIDDEN), Q.Q6_K)
    add_tensor(writer, rng, prefix + "attn_gate.weight", (query, HIDDEN), Q.Q3_K)
    add_tensor(writer, rng, prefix + "attn_output.weight", (HIDDEN, query), Q.Q8_0)


def add_model(writer, rng):
    add_tensor(writer, rng, "token_embd.weight", (VOCAB, HIDDEN), Q.Q2_K)
    add_tensor(writer, rng, "output_norm.weight", (HIDDEN,))
    add_tensor(writer, rng, "output.weight", (VOCAB, HIDDEN), Q.IQ4_XS)
    add_attention(writer, rng, "blk.0.")
    add_tensor(writer, rng, "blk.0.ffn_gate.weight", (FFN, HIDDEN), Q.Q4_0)
    add_tensor(writer, rng, "blk.0.ffn_up.weight", (FFN, HIDDEN), Q.Q4_1)
    add_tensor(writer, rng, "blk.0.ffn_down.weight", (HIDDEN, FFN), Q.Q5_0)
    add_attention(writer, rng, "blk.1.")
    add_tensor(writer, rng, "blk.1.ffn_gate_inp.weight", (EXPERTS, HIDDEN))
    add_tensor(writer, rng, "blk.1.exp_probs_b.bias", (EXPERTS,))
    add_tensor(writer, rng, "blk.1.ffn_gate_exps.weight", (EXPERTS, FFN, HIDDEN), Q.MXFP4)
    add_tensor(writer, rng, "blk.1.ffn_up_exps.weight", (EXPERTS, FFN, HIDDEN), Q.IQ4_NL)
    add_tensor(writer, rng, "blk.1.ffn_down_exps.weight", (EXPERTS, HIDDEN, FFN), Q.Q5_1)
    add_tensor(writer, rng, "blk.1.ffn_gate_shexp.weight", (FFN, HIDDEN), Q.BF16)
    add_tensor(writer, rng, "blk.1.ffn_up_shexp.weight", (FFN, HIDDEN), Q.F16)
    add_tensor(writer, rng, "blk.1.ffn_down_shexp.weight", (HIDDEN, FFN), Q.Q8_0)


def add_metadata(writer):
    """What a converter of AFMoE writes."""
    writer.add_name("tiny")
    writer.add_block_count(2)
    writer.add_context_length(512)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_key_length(HEAD_DIM)
    writer.add_value_length(HEAD_DIM)
    writer.add_rope_dimension_count(HEAD_DIM)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_sliding_window(64)
    writer.add_expert_count(EXPERTS)
    writer.add_expert_used_count(1)
    writer.add_expert_shared_count(1)
    writer.add_expert_feed_forward_length(FFN)
    writer.add_leading_dense_block_count(1)
    writer.add_expert_weights_scale(2.826)
    writer.add_expert_weights_norm(True)
    writer.add_expert_gating_func(gguf.ExpertGatingFuncType.SIGMOID)
    writer.add_vocab_size(VOCAB)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("afmoe")
    writer.add_token_list([f"t{i}" for i in range(VOCAB - 1)] + ["\u0120\u00e9"])
    writer.add_token_types([gguf.TokenType.CONTROL] * 4 + [gguf.TokenType.NORMAL] * (VOCAB - 4))
    writer.add_token_merges(["t 1", "t 2"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(3)
    writer.add_eot_token_id(1)
    writer.add_add_bos_token(True)
    writer.add_chat_template("{{ messages }}")


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def facts(path):
    reader = gguf.GGUFReader(path)
    return [
        {
            "name": tensor.name,
            "shape": [int(size) for size in reversed(tensor.shape)],
            "type": tensor.tensor_type.name,
            "sum": int(tensor.data.reshape(-1).view(np.uint8).sum(dtype=np.uint64)),
        }
        for tensor in reader.tensors
    ]


def write_json(path, value):
    path.write_text(json.dumps(value, indent=0) + "\n", encoding="utf-8")


def main():
    default = pathlib.Path(__file__).parent.parent / "tests/data/gguf"
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(2)
    writer = gguf.GGUFWriter(out / "tiny.gguf", "afmoe")
    add_metadata(writer)
    add_model(writer, rng)
    finish(writer)
    write_json(out / "tiny.json", facts(out / "tiny.gguf"))

    writer = gguf.GGUFWriter(out / "split.gguf", "afmoe", split_max_tensors=2)
    writer.add_block_count(2)
    for i in range(5):
        add_tensor(writer, rng, f"part.{i}.weight", (i + 1, 32), Q.Q8_0)
    finish(writer)
    parts = sorted(out.glob("split-*.gguf"))
    write_json(out / "split.json", sum((facts(part) for part in parts), []))


if __name__ == "__main__":
    main()
