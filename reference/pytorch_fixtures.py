"""Writes test/fixtures/pytorch: small checkpoints as torch.save writes them, and what they hold as JSON."""

import json
import pathlib
from collections import OrderedDict

import torch

OUT = pathlib.Path(__file__).parent.parent / "test" / "fixtures" / "pytorch"


class Custom:
    def __init__(self):
        self.value = 1


def values(tensor: torch.Tensor) -> dict:
    return {"shape": list(tensor.shape), "values": tensor.detach().to(torch.float64).flatten().tolist()}


def state_dict() -> OrderedDict:
    torch.manual_seed(0)
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6) / 8
    linear = torch.nn.Linear(3, 2)
    tensors = OrderedDict(
        f32=base,
        f16=(base / 3).to(torch.float16),
        bf16=(base / 3).to(torch.bfloat16),
        f64=base.to(torch.float64) / 3,
        i64=torch.tensor([-(2**40), 7]),
        i32=torch.tensor([-3, 7], dtype=torch.int32),
        u8=torch.tensor([250, 7], dtype=torch.uint8),
        bool=torch.tensor([True, False]),
        scalar=torch.tensor(0.07),
        empty=torch.zeros(0, 5),
        tied=base,
        rows=base[1:3],
        columns=base[:, 2:5],
        transposed=base.t(),
        every_second=base[::2, 1::2],
        half_transposed=(base / 3).to(torch.float16).t(),
        permuted=torch.arange(24, dtype=torch.float32).reshape(2, 3, 4).permute(2, 0, 1),
        parameter=torch.nn.Parameter(torch.randn(3)),
    )
    tensors.update({f"linear.{name}": tensor for name, tensor in linear.state_dict().items()})
    return tensors


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    tensors = state_dict()
    torch.save(tensors, OUT / "state_dict.pth")
    torch.save(torch.nn.Linear(3, 2).state_dict(), OUT / "module.bin")
    torch.save(tensors, OUT / "protocol4.pth", pickle_protocol=4)
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.ones(2))], lr=1e-4)
    wrapped = {"model": tensors, "optimizer": optimizer.state_dict(), "config": {"lr": 1e-4, "long": 2**70}, "epoch": 3}
    torch.save(wrapped, OUT / "wrapped.pth")
    torch.save({"f32": tensors["f32"][:1].clone(), "note": "text", "step": 5}, OUT / "others.pth")
    torch.save(tensors["f32"], OUT / "bare_tensor.pth")
    torch.save({"f32": tensors["f32"], "expanded": torch.zeros(1).expand(1000)}, OUT / "expanded.pth")
    torch.save(torch.nn.Linear(2, 2), OUT / "module_object.pth")
    torch.save({"f32": tensors["f32"], "custom": Custom()}, OUT / "custom_class.pth")
    torch.save(tensors, OUT / "legacy.pth", _use_new_zipfile_serialization=False)
    expected = {name: values(tensor) for name, tensor in tensors.items()}
    (OUT / "state_dict.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
