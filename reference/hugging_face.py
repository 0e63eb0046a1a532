"""Writes test/fixtures/hugging-face: tiny random BLIP-2 models as `save_pretrained` writes them, and what they compute.

    python3 -m venv .venv && .venv/bin/pip install -r reference/hugging-face-requirements.txt
    .venv/bin/python reference/hugging_face.py

`opt` is in float32 and in several files; `t5`, with the exact GELU that BLIP-2's files name, and `retrieval` are in
float16. `expected.json` holds texts and scores of `generate`, or scores and embeddings;
pictures and pixel values are in `expected.safetensors`. `attention.safetensors` holds the cross-attention of each
picture with each text, and its gradients of the matching logit.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2ForImageTextRetrieval,
    PreTrainedTokenizerFast,
)
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

FOLDER = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "hugging-face"
PIXELS, QUERIES = 24, 4
END = 267
WORDS = "a photo of the red cat on blue mat and two green dogs question answer short what is this who yes no".split()
SENTENCES = [" ".join(WORDS[i : i + 5]) for i in range(len(WORDS))] + ["Question: what is this? Answer:", "Question: who? Short answer:"]
PROMPTS = ["", "a photo of", "Question: what is this? Answer:"]
TEXTS = ["a red cat", "two green dogs on the blue mat", "who is this"]

VISION = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=PIXELS, patch_size=8)
QFORMER = dict(hidden_size=24, num_hidden_layers=3, num_attention_heads=2, intermediate_size=32, max_position_embeddings=40)
OPT = dict(model_type="opt", hidden_size=16, num_hidden_layers=2, num_attention_heads=2, ffn_dim=32, max_position_embeddings=64)
OPT.update(word_embed_proj_dim=16, bos_token_id=2, eos_token_id=2, pad_token_id=1)
T5 = dict(model_type="t5", d_model=16, d_kv=4, d_ff=32, num_layers=2, num_decoder_layers=3, num_heads=3)
T5.update(feed_forward_proj="gated-gelu", tie_word_embeddings=False, relative_attention_num_buckets=8)
T5.update(relative_attention_max_distance=20, bos_token_id=1, eos_token_id=1, pad_token_id=0, decoder_start_token_id=0)

SEARCHES = {
    "greedy": dict(num_beams=1, max_new_tokens=8),
    "greedy, at least 5 tokens": dict(num_beams=1, max_new_tokens=8, min_new_tokens=5),
    "beam 5": dict(num_beams=5, max_new_tokens=8),
    "beam 5, short texts preferred": dict(num_beams=5, max_new_tokens=10, min_new_tokens=1, length_penalty=-1.0),
    "beam 5, early stopping": dict(num_beams=5, max_new_tokens=8, early_stopping=True),
}


def main():
    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    torch.set_num_threads(2)
    shutil.rmtree(FOLDER, ignore_errors=True)
    generator("opt", OPT, opt_tokenizer(), 5, shards="64KB")
    generator("t5", T5, t5_tokenizer(), 2, half=True)
    retrieval(4)


def generator(name, text, tokenizer, seed, half=False, shards="1GB"):
    side = "right" if text["model_type"] == "t5" else "left"
    tokenizer.padding_side = side
    image_token = len(tokenizer) - 1
    config = Blip2Config(vision_config=VISION, qformer_config=QFORMER, text_config=dict(text, vocab_size=len(tokenizer) + 3))
    config.num_query_tokens, config.image_token_index = QUERIES, image_token
    if text["model_type"] == "t5":
        config.text_config.dense_act_fn = "gelu"
    model = randomise(Blip2ForConditionalGeneration(config), seed, half)
    # OPT's texts end in a line break; random weights write that too rarely to see it, so another token ends them too.
    ends = [tokenizer.convert_tokens_to_ids("Ċ"), END] if side == "left" else 1
    # The first is saved, the second is used.
    for config in [model.generation_config, model.language_model.generation_config]:
        config.update(eos_token_id=ends, pad_token_id=text["pad_token_id"], bos_token_id=text["bos_token_id"])
    processor = save(name, model, tokenizer, half, shards)
    pixels = processor(images=pictures(), return_tensors="pt").pixel_values
    encoding = tokenizer(PROMPTS, padding=True, return_tensors="pt")
    images = torch.full((len(PROMPTS), QUERIES), image_token)
    ids = torch.cat([images, encoding.input_ids], 1)
    mask = torch.cat([torch.ones_like(images), encoding.attention_mask], 1)
    cases = []
    for search, options in SEARCHES.items():
        found = model.generate(
            pixels, ids, mask, do_sample=False, return_dict_in_generate=True, output_scores=True, output_logits=True,
            use_cache=side == "left",  # its cache of T5 takes as many decoder layers as encoder layers for granted
            **options,
        )
        prefix = ids.shape[1] if side == "left" else 1
        texts = [cut(row[prefix:].tolist(), ends) for row in found.sequences]
        if options["num_beams"] > 1:
            scores = found.sequences_scores.tolist()
        else:
            steps = torch.stack(found.logits, 1).log_softmax(-1)
            scores = [steps[row, range(len(one)), one].mean().item() for row, one in enumerate(texts)]
        decoded = [tokenizer.decode([token for token in one if token not in np.atleast_1d(ends)], skip_special_tokens=True) for one in texts]
        cases.append({"name": search, "options": options, "ids": texts, "texts": decoded, "scores": scores})
        print(name, search, [len(one) for one in texts], texts)
    write(name, {"prompts": PROMPTS, "cases": cases}, {"pixels": pixels})


def retrieval(seed):
    tokenizer = bert_tokenizer()
    qformer = dict(QFORMER, vocab_size=len(tokenizer), use_qformer_text_input=True)
    config = Blip2Config(vision_config=VISION, qformer_config=qformer, text_config=dict(OPT, vocab_size=20))
    config.num_query_tokens, config.image_text_hidden_size = QUERIES, 12
    model = randomise(Blip2ForImageTextRetrieval(config), seed, True)
    processor = save("retrieval", model, tokenizer, True)
    pixels = processor(images=pictures(), return_tensors="pt").pixel_values
    encoding = tokenizer(TEXTS, padding=True, return_tensors="pt")
    text = dict(input_ids=encoding.input_ids, attention_mask=encoding.attention_mask)
    contrast = model(pixel_values=pixels, use_image_text_matching_head=False, **text)
    match = []
    for picture in pixels:
        every = picture[None].expand(len(TEXTS), -1, -1, -1)
        logits = model(pixel_values=every, use_image_text_matching_head=True, **text).logits_per_image
        match.append(logits.softmax(-1)[:, 1].tolist())
    values = {"texts": TEXTS, "itc": contrast.logits_per_image.tolist(), "itm": match}
    tensors = {"pixels": pixels, "image_embeds": contrast.image_embeds, "text_embeds": contrast.text_embeds}
    write("retrieval", values, tensors)
    print(values)
    attention()


def attention():
    """What Grad-CAM of the retrieval model is made of, by layer: [pictures * texts, heads, queries, 1 + patches]."""
    folder = FOLDER / "retrieval"
    model = Blip2ForImageTextRetrieval.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    pixels = load_file(folder / "expected" / "expected.safetensors")["pixels"]
    encoding = PreTrainedTokenizerFast.from_pretrained(folder)(TEXTS, padding=True, return_tensors="pt")
    maps = {}

    def keep(layer):
        def hook(module, inputs, output):
            output[1].retain_grad()
            maps[layer] = output[1]

        return hook

    for i, layer in enumerate(model.qformer.encoder.layer):
        if layer.has_cross_attention:
            layer.crossattention.attention.register_forward_hook(keep(i))
    with torch.enable_grad():
        pairs = dict(input_ids=encoding.input_ids, attention_mask=encoding.attention_mask)
        pairs = {name: value.repeat(len(pixels), 1) for name, value in pairs.items()}
        every = pixels.repeat_interleave(len(TEXTS), 0)
        logits = model(pixel_values=every, use_image_text_matching_head=True, **pairs).logits_per_image
        logits[:, 1].sum().backward()
    tensors = {}
    for layer, probabilities in maps.items():
        tensors[f"probabilities.{layer}"] = probabilities.detach().contiguous()
        tensors[f"gradients.{layer}"] = probabilities.grad.contiguous()
        print(layer, probabilities.shape, probabilities.grad.abs().max())
    save_file(tensors, folder / "expected" / "attention.safetensors")


def randomise(model, seed, half):
    torch.manual_seed(seed)
    language = getattr(model, "language_model", None)
    if language is not None and model.config.text_config.model_type == "t5":
        language.lm_head.weight = torch.nn.Parameter(torch.zeros_like(language.lm_head.weight))
    for name, parameter in model.named_parameters():
        one = 1 if "norm" in name.lower() and name.endswith("weight") else 0
        scale = 0.6 if "language_model" in name and one == 0 else 0.3
        value = one + scale * torch.randn_like(parameter)
        parameter.copy_(value.half().float() if half else value)
    return model.eval()


def save(name, model, tokenizer, half, shards="1GB"):
    """The model as float16 where asked, then back: what is computed is what the file holds."""
    if half:
        model.half()
    model.save_pretrained(FOLDER / name, max_shard_size=shards)
    model.float()
    tokenizer.save_pretrained(FOLDER / name)
    processor = BlipImageProcessorPil(size={"height": PIXELS, "width": PIXELS})
    processor.save_pretrained(FOLDER / name)
    return processor


def pictures():
    """Larger, smaller and as large as the encoder takes, with edges and noise.

    Wider than high: newer versions of Pillow resize the columns of others first, which rounds otherwise.
    """
    generator = np.random.default_rng(1)
    made = []
    for height, width in [(31, 40), (17, 20), (24, 24)]:
        y, x = np.mgrid[0:height, 0:width]
        base = np.stack([255 * x / width, 255 * y / height, 255 * ((x // 5 + y // 5) % 2)], -1)
        made.append(np.clip(base + generator.normal(0, 20, base.shape), 0, 255).astype(np.uint8))
    return made


def opt_tokenizer():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<unk>", "<pad>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="</s> $A", special_tokens=[("</s>", 2)])
    tokenizer.add_special_tokens(["<image>"])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="</s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>")


def t5_tokenizer():
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=80, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.add_special_tokens(["<image>"])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", pad_token="<pad>", unk_token="<unk>")


def bert_tokenizer():
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=90, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"], show_progress=False)
    tokenizer.train_from_iterator(SENTENCES, trainer)
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    tokenizer.add_special_tokens(["[DEC]"])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")


def cut(ids, ends):
    found = [i for i, token in enumerate(ids) if token in np.atleast_1d(ends)]
    return ids[: found[0] + 1] if found else ids


def write(name, values, tensors):
    (FOLDER / name / "expected").mkdir()
    (FOLDER / name / "expected" / "expected.json").write_text(json.dumps(values) + "\n")
    shots = {f"picture.{i}": torch.from_numpy(picture) for i, picture in enumerate(pictures())}
    save_file({**{key: tensor.contiguous() for key, tensor in tensors.items()}, **shots}, FOLDER / name / "expected" / "expected.safetensors")


if __name__ == "__main__":
    main()
