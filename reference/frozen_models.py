"""Writes test/fixtures/frozen: tiny models of transformers with random weights, one a directory, as `save_pretrained`
writes them, and what they compute. They stand for the frozen models that a training may begin from.

Needs hugging-face-requirements.txt.
"""

import json
import pathlib

import torch
from safetensors.torch import save_file
from tokenizers import ByteLevelBPETokenizer
from transformers import (
    BertConfig,
    BertForPreTraining,
    CLIPConfig,
    CLIPModel,
    OPTConfig,
    OPTForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
    ViTConfig,
    ViTForImageClassification,
)

torch.set_num_threads(2)
OUT = pathlib.Path(__file__).parent.parent / "test" / "fixtures" / "frozen"
VISION = dict(hidden_size=16, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32, image_size=16, patch_size=8)
PIXELS = dict(size=dict(height=16, width=16), resample=2, do_resize=True, do_rescale=True, do_normalize=True)
MERGES = ["Ġ a", "r e", "re d", "Ġ red", "c a", "ca r", "Ġ car"]
TEXTS = ["a red car", "Red cars aren't\n", " two  spaces, é"]


def randomise(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Weights, biases and norms all matter, the keys' bias too."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            one = 1 if "norm" in name.lower() and name.endswith("weight") else 0
            parameter.copy_(one + 0.3 * torch.randn_like(parameter))
    return model.eval()


def save(name: str, model: torch.nn.Module, **values: torch.Tensor) -> None:
    folder = OUT / name
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "expected").mkdir(exist_ok=True)
    if values:
        save_file({key: value.clone().contiguous() for key, value in values.items()}, folder / "expected" / "values.safetensors")


def write_json(path: pathlib.Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def byte_symbols() -> list[str]:
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return list(bytes_to_unicode().values())


def opt_vocabulary(folder: pathlib.Path) -> None:
    """vocab.json and merges.txt alone, as facebook/opt-125m has them."""
    symbols = ["<s>", "<pad>", "</s>", "<unk>", *byte_symbols(), *(merge.replace(" ", "") for merge in MERGES)]
    write_json(folder / "vocab.json", {symbol: number for number, symbol in enumerate(symbols)})
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *MERGES]) + "\n")
    tokenizer = ByteLevelBPETokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"))
    write_json(folder / "expected" / "tokens.json", [[text, [2, *tokenizer.encode(text).ids]] for text in TEXTS])


@torch.no_grad()
def main() -> None:
    torch.manual_seed(0)
    images = torch.randn(2, 3, 16, 16)
    ids = torch.randint(4, 100, (2, 5))

    text = dict(vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16)
    clip = randomise(CLIPModel(CLIPConfig(vision_config=VISION, text_config=text, projection_dim=8)), 1)
    hidden = clip.vision_model(pixel_values=images, output_hidden_states=True).hidden_states[-2]
    save("clip", clip, images=images, features=hidden)
    write_json(OUT / "clip" / "preprocessor_config.json", dict(PIXELS, resample=3, image_mean=[0.48, 0.46, 0.41], image_std=[0.27, 0.26, 0.28]))

    vit = randomise(ViTForImageClassification(ViTConfig(**VISION)), 2)
    hidden = vit(pixel_values=images, output_hidden_states=True).hidden_states[-2]
    save("vit", vit, images=images, features=hidden)
    write_json(OUT / "vit" / "preprocessor_config.json", dict(PIXELS, image_mean=[0.5] * 3, image_std=[0.5] * 3))

    opt = randomise(OPTForCausalLM(OPTConfig(vocab_size=272, hidden_size=16, word_embed_proj_dim=16, num_hidden_layers=2,
                                             num_attention_heads=2, ffn_dim=32, max_position_embeddings=64)), 3)
    save("opt", opt, ids=ids, logits=opt(input_ids=ids).logits)
    opt_vocabulary(OUT / "opt")

    t5 = T5ForConditionalGeneration(T5Config(vocab_size=110, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
                                             relative_attention_num_buckets=8, feed_forward_proj="gated-gelu",
                                             tie_word_embeddings=False, decoder_start_token_id=0))
    # transformers ties the head where no checkpoint says otherwise; Flan-T5's is a tensor of its own.
    t5.lm_head.weight = torch.nn.Parameter(torch.zeros_like(t5.lm_head.weight))
    randomise(t5, 4)
    save("t5", t5, ids=ids, logits=t5(input_ids=ids, decoder_input_ids=ids).logits)

    bert = randomise(BertForPreTraining(BertConfig(vocab_size=130, hidden_size=24, num_hidden_layers=2, num_attention_heads=2,
                                                   intermediate_size=32, max_position_embeddings=40)), 5)
    save("bert", bert)


if __name__ == "__main__":
    main()
