"""Writes test/fixtures/generate: token ids of transformers' `generate` for a small random OPT and T5 after soft prompts.

    python3 -m venv .venv && .venv/bin/pip install -r reference/generate-requirements.txt
    .venv/bin/python reference/generate.py

Each row is [soft prompt; padding; text], as BLIP-2 builds it: the padding of a shorter text lies on the left, between
its soft prompt and its first token; on the right for T5, which counts distances. `processors.json` holds what single logits processors do to one row of scores.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import (
    GenerationConfig,
    OPTConfig,
    OPTForCausalLM,
    StoppingCriteria,
    StoppingCriteriaList,
    T5Config,
    T5ForConditionalGeneration,
)
from transformers.generation import logits_process as lp

FOLDER = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "generate"
PAD, BEGIN, END, OTHER_END = 1, 2, 16, 0
QUERIES = 4
TEXTS = [[BEGIN], [BEGIN, 7, 11], [BEGIN, 30, 8, 21, 13], [BEGIN, 40]]

CONFIG = OPTConfig(
    vocab_size=48,
    hidden_size=24,
    word_embed_proj_dim=24,
    num_hidden_layers=2,
    num_attention_heads=3,
    ffn_dim=48,
    max_position_embeddings=48,
    pad_token_id=PAD,
    bos_token_id=BEGIN,
    eos_token_id=END,
    dropout=0.0,
)

T5_START, T5_END = 0, 1
T5_TEXTS = [[T5_END], [7, 11, T5_END], [30, 8, 21, 13, T5_END], [40, T5_END]]
T5_CONFIG = T5Config(
    vocab_size=48,
    d_model=24,
    d_kv=10,
    d_ff=40,
    num_layers=2,
    num_heads=3,
    relative_attention_num_buckets=8,
    relative_attention_max_distance=12,
    feed_forward_proj="gated-gelu",
    tie_word_embeddings=False,
    decoder_start_token_id=T5_START,
    pad_token_id=0,
    eos_token_id=END,
    dropout_rate=0.0,
)

BASE = {
    "numBeams": 1,
    "maxNewTokens": 12,
    "minNewTokens": 0,
    "lengthPenalty": 1,
    "earlyStopping": False,
    "numReturnSequences": 1,
    "repetitionPenalty": 1,
    "noRepeatNgramSize": 0,
    "endTokens": [END],
}
ANY_SEARCH = {
    "plain": {},
    "repetition penalty": {"repetitionPenalty": 1.3},
    "repetition rewarded": {"repetitionPenalty": 0.8},
    "no repeated token": {"noRepeatNgramSize": 1},
    "no repeated pair": {"noRepeatNgramSize": 2},
    "no repeated triple": {"noRepeatNgramSize": 3},
    "at least 6 tokens": {"minNewTokens": 6},
    "exactly 8 tokens": {"minNewTokens": 8, "maxNewTokens": 8},
    "one token": {"maxNewTokens": 1},
    "two end tokens": {"endTokens": [END, OTHER_END]},
    "no end token": {"endTokens": []},
    "stop sequence": {"stopIds": [[1, 10], [19]]},
    "all together": {
        "minNewTokens": 4,
        "repetitionPenalty": 1.2,
        "noRepeatNgramSize": 2,
        "endTokens": [END, OTHER_END],
        "stopIds": [[1, 10], [19]],
    },
}
BEAM_ONLY = {
    "length penalty 0": {"lengthPenalty": 0},
    "length penalty -1": {"lengthPenalty": -1},
    "length penalty 2": {"lengthPenalty": 2},
    "early stopping": {"earlyStopping": True},
    "early stopping, long texts preferred": {"earlyStopping": True, "lengthPenalty": 2},
    "never stopping early": {"earlyStopping": "never"},
    "never stopping early, long texts preferred": {"earlyStopping": "never", "lengthPenalty": 2},
    "several returned": {"numReturnSequences": 3},
    "several returned at the limit": {"numReturnSequences": 3, "maxNewTokens": 4},
    "all returned, early stopping": {"numReturnSequences": "numBeams", "earlyStopping": True},
    "released caption task": {"minNewTokens": 8, "repetitionPenalty": 1.15, "lengthPenalty": 0, "maxNewTokens": 16},
    "paper's zero-shot VQA": {"lengthPenalty": -1, "maxNewTokens": 10, "minNewTokens": 1},
}


class StopIds(StoppingCriteria):
    """Ends a text that ends in one of the sequences: a stop string without a tokenizer."""

    def __init__(self, sequences):
        self.sequences = sequences

    def __call__(self, input_ids, scores, **kwargs):
        ends = lambda ids: any(ids[-len(s) :] == s for s in self.sequences)
        return torch.tensor([ends(ids) for ids in input_ids.tolist()])


def main():
    torch.manual_seed(3)
    torch.set_grad_enabled(False)
    model = random_model()
    prompt = torch.randn(len(TEXTS), QUERIES, CONFIG.hidden_size)
    FOLDER.mkdir(parents=True, exist_ok=True)
    tensors = {f"opt_model.{name}": value for name, value in model.state_dict().items() if name != "lm_head.weight"}
    save_file({"prompt": prompt, **tensors}, FOLDER / "model.safetensors")
    cases = every_case(lambda options: generate(model, prompt, options))
    report(cases)
    sizes = {name: getattr(CONFIG, name) for name in ["vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "ffn_dim", "max_position_embeddings"]}
    write("generate.json", {"config": sizes, "pad": PAD, "texts": TEXTS, "cases": cases})
    write("processors.json", processors())
    t5()


def t5():
    torch.manual_seed(11)
    model = random_t5()
    prompt = torch.randn(len(T5_TEXTS), QUERIES, T5_CONFIG.d_model)
    tied = ["encoder.embed_tokens.weight", "decoder.embed_tokens.weight"]
    tensors = {f"t5_model.{name}": value for name, value in model.state_dict().items() if name not in tied}
    save_file({"prompt": prompt, **tensors}, FOLDER / "t5.safetensors")
    cases = every_case(lambda options: generate_t5(model, prompt, options))
    report(cases)
    names = ["vocab_size", "d_model", "d_kv", "d_ff", "num_layers", "num_heads"]
    names += ["relative_attention_num_buckets", "relative_attention_max_distance", "layer_norm_epsilon"]
    write("t5.json", {"config": {name: getattr(T5_CONFIG, name) for name in names}, "texts": T5_TEXTS, "cases": cases})


def every_case(generate):
    cases = []
    for beams in [1, 2, 5]:
        for name, change in {**ANY_SEARCH, **(BEAM_ONLY if beams > 1 else {})}.items():
            options = {**BASE, "numBeams": beams, **change}
            if options["numReturnSequences"] == "numBeams":
                options["numReturnSequences"] = beams
            options["numReturnSequences"] = min(options["numReturnSequences"], beams)
            cases.append({"name": name, "options": options, "rows": generate(options)})
    return cases


def random_t5():
    model = T5ForConditionalGeneration(T5_CONFIG).eval()
    model.lm_head.weight = torch.nn.Parameter(torch.zeros_like(model.lm_head.weight))  # of its own
    for name, parameter in model.named_parameters():
        if "norm" in name:
            parameter.copy_(1 + 0.2 * torch.randn_like(parameter))
        else:
            parameter.copy_(0.4 * torch.randn_like(parameter))
    return model


def random_model():
    model = OPTForCausalLM(CONFIG).eval()
    for name, parameter in model.named_parameters():
        if "norm" in name and name.endswith("weight"):
            parameter.copy_(1 + 0.2 * torch.randn_like(parameter))
        elif "fc" in name or "attn" in name:
            parameter.copy_(0.4 * torch.randn_like(parameter))
        else:
            parameter.copy_(0.45 * torch.randn_like(parameter))
    return model


def generate(model, prompt, options):
    longest = max(map(len, TEXTS))
    ids = torch.tensor([[PAD] * (longest - len(text)) + text for text in TEXTS])
    mask = torch.tensor([[1] * QUERIES + [0] * (longest - len(text)) + [1] * len(text) for text in TEXTS])
    embeds = torch.cat([prompt, model.model.decoder.embed_tokens(ids)], 1)
    found = search(model, options, embeds, mask, PAD, bos_token_id=BEGIN)
    return texts_of(found, found.sequences.tolist(), options)


def generate_t5(model, prompt, options):
    longest = max(map(len, T5_TEXTS))
    ids = torch.tensor([text + [0] * (longest - len(text)) for text in T5_TEXTS])
    mask = torch.tensor([[1] * (QUERIES + len(text)) + [0] * (longest - len(text)) for text in T5_TEXTS])
    embeds = torch.cat([prompt, model.shared(ids)], 1)
    found = search(model, options, embeds, mask, T5_START, decoder_start_token_id=T5_START)
    return texts_of(found, [row[1:] for row in found.sequences.tolist()], options)


def search(model, options, embeds, mask, pad, **begin):
    config = GenerationConfig(
        do_sample=False,
        num_beams=options["numBeams"],
        max_new_tokens=options["maxNewTokens"],
        min_new_tokens=options["minNewTokens"],
        length_penalty=float(options["lengthPenalty"]),
        early_stopping=options["earlyStopping"],
        num_return_sequences=options["numReturnSequences"],
        repetition_penalty=float(options["repetitionPenalty"]),
        no_repeat_ngram_size=options["noRepeatNgramSize"],
        eos_token_id=options["endTokens"] or None,
        pad_token_id=pad,
        **begin,
        return_dict_in_generate=True,
        output_scores=True,
        output_logits=True,
    )
    model.generation_config = config
    stopping = StoppingCriteriaList([StopIds(options["stopIds"])] if "stopIds" in options else [])
    return model.generate(inputs_embeds=embeds, attention_mask=mask, generation_config=config, stopping_criteria=stopping)


def texts_of(found, sequences, options):
    """-> for each row, each returned text: new token ids with the one that ended it, and its score."""
    texts = [cut(sequence, options) for sequence in sequences]
    if options["numBeams"] > 1:
        lengths = (found.beam_indices >= 0).sum(1).tolist()
        assert [len(text) for text in texts] == lengths, (options, texts, lengths)
        scores = found.sequences_scores.tolist()
    else:
        steps = torch.stack(found.logits, 1).log_softmax(-1)
        scores = [steps[row, range(len(text)), text].mean().item() for row, text in enumerate(texts)]
    each = options["numReturnSequences"]
    pairs = [{"ids": text, "score": score} for text, score in zip(texts, scores)]
    return [pairs[row * each : (row + 1) * each] for row in range(len(pairs) // each)]


def cut(ids, options):
    for i, token in enumerate(ids):
        if token in options["endTokens"] or any(ids[: i + 1][-len(s) :] == s for s in options.get("stopIds", [])):
            return ids[: i + 1]
    return ids


def report(cases):
    """The fixtures are worth little where an option changes nothing."""
    plain = {}
    for case in cases:
        beams = case["options"]["numBeams"]
        ids = [[text["ids"] for text in row] for row in case["rows"]]
        plain.setdefault(beams, ids)
        print(beams, case["name"], "(as plain)" if ids == plain[beams] else "", [len(row[0]) for row in ids], ids[0][0])


def processors():
    scores = 2 * torch.randn(3, 20)
    ids = torch.tensor([[3, 4, 3, 4, 3], [7, 7, 7, 1, 7], [0, 1, 2, 0, 1]])
    kinds = {
        "repetitionPenalty 1.3": lp.RepetitionPenaltyLogitsProcessor(1.3),
        "noRepeatNgramSize 2": lp.NoRepeatNGramLogitsProcessor(2),
        "noRepeatNgramSize 3": lp.NoRepeatNGramLogitsProcessor(3),
        "temperature 0.7": lp.TemperatureLogitsWarper(0.7),
        "topK 5": lp.TopKLogitsWarper(5),
        "topP 0.8": lp.TopPLogitsWarper(0.8),
        "topP 0.05": lp.TopPLogitsWarper(0.05),
    }
    return {
        "ids": ids.tolist(),
        "scores": scores.tolist(),
        "expected": {name: finite(processor(ids, scores.clone())) for name, processor in kinds.items()},
    }


def finite(scores):
    """JSON has no -Infinity; null stands for it."""
    return [[value if value > float("-inf") else None for value in row] for row in scores.tolist()]


def write(name, value):
    (FOLDER / name).write_text(json.dumps(value) + "\n")


main()
