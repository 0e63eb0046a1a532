"""Writes test/fixtures/capfilt: a tiny BLIP and a tiny CLIP of transformers with random weights, as the hub holds such
models, and what they compute.

Needs hub-names-requirements.txt, safetensors and pillow.
"""

import json
import pathlib

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import (
    BertTokenizerFast,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessor,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTokenizer,
)

OUT = pathlib.Path(__file__).parent.parent / "test" / "fixtures" / "capfilt"
WORDS = ["a", "picture", "of", "red", "dog", "cat", "house", "##s", "blue", "car", "tree", "and"]
TEXTS = ["a red dog", "Blue  cats, and a tree!", "a", "dog " * 30]
PICTURES = [(20, 13), (11, 17), (16, 16)]


def randomise(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Weights, biases and norms all matter, the keys' bias too."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            one = 1 if "norm" in name.lower() and name.endswith("weight") else 0
            parameter.copy_(one + 0.3 * torch.randn_like(parameter))
    return model.eval()


def pictures() -> list[Image.Image]:
    random = np.random.default_rng(5)
    return [Image.fromarray(random.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in PICTURES]


def save(folder: pathlib.Path, model, tokenizer, processor, values: dict, generated: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    state = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    save_file(state, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(model.config.to_diff_dict(), indent=1))
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "preprocessor_config.json").write_text(json.dumps(processor.to_dict(), default=str, indent=1))
    save_file({key: tensor.detach().clone().contiguous() for key, tensor in values.items()}, folder.with_name(f"{folder.name}-values.safetensors"))
    folder.with_name(f"{folder.name}-expected.json").write_text(json.dumps(generated))


@torch.no_grad()
def blip() -> None:
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    tokenizer = BertTokenizerFast(vocab={word: i for i, word in enumerate(vocabulary)})
    end, first = 3, len(vocabulary)
    vision = dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=2, intermediate_size=20, image_size=16, patch_size=8)
    text = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, vocab_size=first + 2)
    text.update(max_position_embeddings=24, bos_token_id=first, sep_token_id=end, pad_token_id=0)
    config = BlipConfig(vision_config=vision, text_config=text, tie_word_embeddings=False)
    config.text_config.tie_word_embeddings = False
    model = randomise(BlipForConditionalGeneration(config), 1)
    model.text_decoder.cls.predictions.decoder.bias.data.copy_(model.text_decoder.cls.predictions.bias)
    processor = BlipImageProcessor(size={"height": 16, "width": 16})
    shown = pictures()
    pixels = processor(shown, return_tensors="pt")["pixel_values"]
    prompt = tokenizer("a picture of", add_special_tokens=False)["input_ids"]
    ids = torch.tensor([[2, *prompt, end]] * len(shown))
    given = torch.tensor([[first, *prompt, 8, 9]] * len(shown))
    logits = model(pixel_values=pixels, input_ids=given).logits
    features = model.vision_model(pixels).last_hidden_state
    expected = {"prompt": "a picture of", "logits_ids": given[0].tolist(), "cases": []}
    cases = [
        dict(numBeams=1, minNewTokens=0, maxNewTokens=10, repetitionPenalty=1.0),
        dict(numBeams=3, minNewTokens=0, maxNewTokens=10, repetitionPenalty=1.0),
        dict(numBeams=3, minNewTokens=5, maxNewTokens=8, repetitionPenalty=1.3),
        dict(numBeams=1, minNewTokens=6, maxNewTokens=12, repetitionPenalty=1.1),
    ]
    for case in cases:
        found = model.generate(
            pixels,
            ids.clone(),
            num_beams=case["numBeams"],
            min_new_tokens=case["minNewTokens"],
            max_new_tokens=case["maxNewTokens"],
            repetition_penalty=case["repetitionPenalty"],
            do_sample=False,
        )
        rows = [[token for token in row[1 + len(prompt) :].tolist() if token not in (0,)] for row in found]
        expected["cases"].append({"options": case, "ids": rows})
    values = {"pixels": pixels, "features": features, "logits": logits}
    for i, picture in enumerate(shown):
        values[f"picture.{i}"] = torch.from_numpy(np.asarray(picture).copy())
    save(OUT / "blip", model, tokenizer, processor, values, expected)


@torch.no_grad()
def clip() -> None:
    letters = sorted(set("".join(WORDS).replace("#", "") + "!,.w"))
    vocabulary = [*letters, *[letter + "</w>" for letter in letters], "re", "red</w>", "do", "dog</w>"]
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(
        vocab={word: i for i, word in enumerate(vocabulary)},
        merges=[("r", "e"), ("re", "d</w>"), ("d", "o"), ("do", "g</w>")],
    )
    size = len(vocabulary)
    vision = dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=2, intermediate_size=20, image_size=12, patch_size=4)
    text = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, vocab_size=size)
    text.update(max_position_embeddings=20, bos_token_id=size - 2, eos_token_id=size - 1, pad_token_id=size - 1)
    model = randomise(CLIPModel(CLIPConfig(vision_config=vision, text_config=text, projection_dim=10)), 2)
    processor = CLIPImageProcessor(size={"shortest_edge": 12}, crop_size={"height": 12, "width": 12})
    shown = pictures()
    pixels = processor(shown, return_tensors="pt")["pixel_values"]
    encoded = tokenizer(TEXTS, padding=True, truncation=True, max_length=20, return_tensors="pt")
    found = model(pixel_values=pixels, **encoded)
    lengths = encoded["attention_mask"].sum(1).tolist()
    expected = {"texts": TEXTS, "ids": [row[:n] for row, n in zip(encoded["input_ids"].tolist(), lengths)]}
    values = {"pixels": pixels, "images": found.image_embeds, "texts": found.text_embeds}
    for i, picture in enumerate(shown):
        values[f"picture.{i}"] = torch.from_numpy(np.asarray(picture).copy())
    save(OUT / "clip", model, tokenizer, processor, values, expected)


if __name__ == "__main__":
    torch.set_num_threads(2)
    blip()
    clip()
