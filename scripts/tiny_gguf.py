"""Make a model for llama.cpp: two layers of chance and a vocabulary of bytes. It says nothing, in the right form.

python scripts/tiny_gguf.py FILE        with the packages gguf and numpy
"""

from __future__ import annotations

import sys

import gguf
import numpy

WIDTH, LAYERS, HEADS, INNER, CONTEXT = 64, 2, 4, 128, 512

#: Tokens, with the kinds that llama.cpp knows them by: unknown, control, byte, normal.
TOKENS = [(b"<unk>", 2), (b"<s>", 3), (b"</s>", 3), *((f"<0x{i:02X}>".encode(), 6) for i in range(256)), ("▁".encode(), 1)]


def main(path: str) -> None:
    """Write the file."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("llama")
    writer.add_token_list([token for token, _ in TOKENS])
    writer.add_token_scores([0.0] * len(TOKENS))
    writer.add_token_types([kind for _, kind in TOKENS])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    chance = numpy.random.default_rng(7)
    for name, shape in shapes().items():
        values = numpy.ones(shape) if name.endswith("norm.weight") else chance.standard_normal(shape) * 0.05
        writer.add_tensor(name, values.astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def shapes() -> dict[str, tuple[int, ...]]:
    """The model's tensors."""
    found: dict[str, tuple[int, ...]] = {
        "token_embd.weight": (len(TOKENS), WIDTH),
        "output.weight": (len(TOKENS), WIDTH),
        "output_norm.weight": (WIDTH,),
    }
    for i in range(LAYERS):
        found |= {f"blk.{i}.{name}_norm.weight": (WIDTH,) for name in ("attn", "ffn")}
        found |= {f"blk.{i}.attn_{name}.weight": (WIDTH, WIDTH) for name in ("q", "k", "v", "output")}
        found |= {f"blk.{i}.ffn_{name}.weight": (INNER, WIDTH) for name in ("gate", "up")}
        found[f"blk.{i}.ffn_down.weight"] = (WIDTH, INNER)
    return found


if __name__ == "__main__":
    main(sys.argv[1])
