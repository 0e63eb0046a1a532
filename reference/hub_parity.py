"""Writes test/fixtures/names/parity: tiny models of transformers with random weights, and what they compute.

Needs hub-names-requirements.txt and safetensors.
"""

import pathlib

import torch
from safetensors.torch import save_file
from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2ForImageTextRetrieval,
    CLIPVisionConfig,
    CLIPVisionModel,
)

OUT = pathlib.Path(__file__).parent.parent / "test" / "fixtures" / "names" / "parity"
BATCH, TOKENS, VOCABULARY, QUERIES, PIXELS = 2, 5, 40, 3, 8

VISION = dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=2, intermediate_size=20, image_size=PIXELS, patch_size=4)
QFORMER = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, vocab_size=VOCABULARY)
QFORMER.update(encoder_hidden_size=12, cross_attention_frequency=2, max_position_embeddings=10)
OPT = dict(model_type="opt", vocab_size=VOCABULARY, hidden_size=8, num_hidden_layers=2, num_attention_heads=2)
OPT.update(ffn_dim=16, word_embed_proj_dim=8, max_position_embeddings=20)
T5 = dict(model_type="t5", vocab_size=VOCABULARY, d_model=8, d_kv=4, d_ff=16, num_layers=2, num_heads=2)
T5.update(feed_forward_proj="gated-gelu", tie_word_embeddings=False, relative_attention_num_buckets=8)


def randomise(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Weights, biases and norms all matter, the keys' bias too."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            one = 1 if "norm" in name.lower() and name.endswith("weight") else 0
            parameter.copy_(one + 0.3 * torch.randn_like(parameter))
    return model.eval()


def save(name: str, model: torch.nn.Module, values: dict) -> None:
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    save_file({key: tensor.clone() for key, tensor in model.state_dict().items()}, folder / "model.safetensors")
    save_file({key: tensor.detach().clone().contiguous() for key, tensor in values.items()}, folder / "values.safetensors")


def blip2(text: dict, **qformer) -> Blip2Config:
    config = Blip2Config(vision_config=VISION, qformer_config=dict(QFORMER, **qformer), text_config=text)
    config.num_query_tokens = QUERIES
    config.image_text_hidden_size = 6
    return config


@torch.no_grad()
def main() -> None:
    torch.manual_seed(0)
    images = torch.randn(BATCH, 3, PIXELS, PIXELS)
    ids = torch.randint(4, VOCABULARY, (BATCH, TOKENS))
    mask = torch.ones_like(ids)
    shared = {"images": images, "ids": ids, "mask": mask}

    opt = randomise(Blip2ForConditionalGeneration(blip2(OPT)), 1)
    save("blip2-opt", opt, {**shared, "logits": opt(pixel_values=images, input_ids=ids, attention_mask=mask).logits})

    t5 = randomise(Blip2ForConditionalGeneration(blip2(T5)), 2)
    answer = t5(pixel_values=images, input_ids=ids, attention_mask=mask, decoder_input_ids=ids, return_dict=True)
    save("blip2-t5", t5, {**shared, "logits": answer.logits})

    retrieval = randomise(Blip2ForImageTextRetrieval(blip2(OPT, use_qformer_text_input=True)), 3)
    matched = retrieval(pixel_values=images, input_ids=ids, attention_mask=mask, use_image_text_matching_head=True)
    contrast = retrieval(pixel_values=images, input_ids=ids, attention_mask=mask, use_image_text_matching_head=False)
    values = {"match": matched.logits_per_image, "similarity": contrast.logits_per_image}
    save("blip2-retrieval", retrieval, {**shared, **values})

    clip = randomise(CLIPVisionModel(CLIPVisionConfig(**dict(VISION, num_hidden_layers=3))), 4)
    hidden = clip(pixel_values=images, output_hidden_states=True).hidden_states[-2]
    save("clip", clip, {"images": images, "hidden": hidden})


if __name__ == "__main__":
    main()
