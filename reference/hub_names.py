"""Writes test/fixtures/names: names and shapes of released models, from transformers' classes on the meta device.

Nothing is downloaded: the sizes are written down here, from the papers and the model cards named beside them.
Version 4.46.3 gives the names that the released files were saved with (reference/hub-names-requirements.txt).
"""

import gzip
import json
import pathlib

import torch
from transformers import (
    BertConfig,
    BertForPreTraining,
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2ForImageTextRetrieval,
    CLIPConfig,
    CLIPModel,
    CLIPVisionConfig,
    CLIPVisionModel,
    OPTConfig,
    OPTForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)

OUT = pathlib.Path(__file__).parent.parent / "test" / "fixtures" / "names"

# Zhang et al. 2022, table 1, and the models' cards; heads do not change a shape but are kept right.
OPT = {
    "opt-125m": dict(hidden_size=768, num_hidden_layers=12, num_attention_heads=12, ffn_dim=3072),
    "opt-350m": dict(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, ffn_dim=4096),
    "opt-1.3b": dict(hidden_size=2048, num_hidden_layers=24, num_attention_heads=32, ffn_dim=8192),
    "opt-2.7b": dict(hidden_size=2560, num_hidden_layers=32, num_attention_heads=32, ffn_dim=10240),
    "opt-6.7b": dict(hidden_size=4096, num_hidden_layers=32, num_attention_heads=32, ffn_dim=16384),
}
for opt in OPT.values():
    opt.update(vocab_size=50272, max_position_embeddings=2048, word_embed_proj_dim=opt["hidden_size"])
OPT["opt-350m"].update(word_embed_proj_dim=512, do_layer_norm_before=False)

# T5's README on version 1.1 (google-research/text-to-text-transfer-transformer); Flan-T5: Chung et al. 2022.
T5 = {
    "flan-t5-small": dict(d_model=512, d_kv=64, d_ff=1024, num_layers=8, num_heads=6),
    "flan-t5-base": dict(d_model=768, d_kv=64, d_ff=2048, num_layers=12, num_heads=12),
    "flan-t5-large": dict(d_model=1024, d_kv=64, d_ff=2816, num_layers=24, num_heads=16),
    "flan-t5-xl": dict(d_model=2048, d_kv=64, d_ff=5120, num_layers=24, num_heads=32),
    "flan-t5-xxl": dict(d_model=4096, d_kv=64, d_ff=10240, num_layers=24, num_heads=64),
}
for t5 in T5.values():
    t5.update(vocab_size=32128, feed_forward_proj="gated-gelu", tie_word_embeddings=False)

# EVA-CLIP's ViT-g/14 without its last layer: width 1408, 4.3637 * 1408 = 6144 (LAVIS, eva_vit.py).
VIT_G = dict(hidden_size=1408, num_hidden_layers=39, num_attention_heads=16, intermediate_size=6144, patch_size=14)
# BERT-base with 32 queries, cross-attention in every second layer (Li et al. 2023, 3.1).
QFORMER = dict(hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072)
QFORMER.update(encoder_hidden_size=1408, cross_attention_frequency=2)

# Radford et al. 2021, table 20 (ViT-L/14).
CLIP_VISION = dict(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096)
CLIP_VISION.update(patch_size=14, image_size=224, projection_dim=768)
CLIP_TEXT = dict(hidden_size=768, num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072)
CLIP_TEXT.update(projection_dim=768)


def blip2(language: dict, image_size: int, **qformer) -> Blip2Config:
    vision = dict(VIT_G, image_size=image_size)
    return Blip2Config(vision_config=vision, qformer_config=dict(QFORMER, **qformer), text_config=language)


def models():
    for size, opt in (("2.7b", OPT["opt-2.7b"]), ("6.7b", OPT["opt-6.7b"])):
        for name, pixels in ((f"blip2-opt-{size}", 224), (f"blip2-opt-{size}-coco", 364)):
            yield name, lambda: Blip2ForConditionalGeneration(blip2(dict(opt, model_type="opt"), pixels))
    for size, pixels in (("xl", 224), ("xl-coco", 364), ("xxl", 224)):
        t5 = T5[f"flan-t5-{size.split('-')[0]}"]
        yield f"blip2-flan-t5-{size}", lambda: Blip2ForConditionalGeneration(blip2(dict(t5, model_type="t5"), pixels))
    for name, pixels in (("blip2-itm-vit-g", 224), ("blip2-itm-vit-g-coco", 364)):
        # The language model is part of the configuration, not of the retrieval model.
        retrieval = blip2(dict(OPT["opt-125m"], model_type="opt"), pixels, vocab_size=30523, use_qformer_text_input=True)
        retrieval.image_text_hidden_size = 256
        yield name, lambda: Blip2ForImageTextRetrieval(retrieval)
    yield "clip-vit-large-patch14", lambda: CLIPModel(CLIPConfig(text_config=CLIP_TEXT, vision_config=CLIP_VISION, projection_dim=768))
    yield "clip-vit-large-patch14-vision", lambda: CLIPVisionModel(CLIPVisionConfig(**CLIP_VISION))
    for name, opt in OPT.items():
        yield name, lambda: OPTForCausalLM(OPTConfig(**opt))
    for name, t5 in T5.items():
        yield name, lambda: T5ForConditionalGeneration(T5Config(**t5))
    yield "bert-base-uncased", lambda: BertForPreTraining(BertConfig())


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    for name, make in models():
        with torch.device("meta"):
            shapes = {key: list(tensor.shape) for key, tensor in make().state_dict().items()}
        text = json.dumps(shapes, separators=(",", ":"))
        (OUT / f"{name}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
        print(name, len(shapes))


if __name__ == "__main__":
    main()
