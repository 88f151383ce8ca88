"""What goes wrong before a model answers: one message that says what to do, and nothing answered at random."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from visavis.experiments import ObserverError
from visavis.observers.local import loading
from visavis.observers.local.fingerprint import fingerprint
from visavis.observers.local.loading import load
from visavis.observers.local.local_options import LocalOptions

pytestmark = pytest.mark.filterwarnings("ignore")  # torch's and transformers' own

Tiny = dict[str, Path]


@pytest.fixture
def copy(tiny: Tiny, tmp_path: Path) -> Path:
    """A tiny model to spoil."""
    return Path(shutil.copytree(tiny["qwen"], tmp_path / "weights"))


def refused(name: Path | str, match: str, **options: object) -> None:
    with pytest.raises(ObserverError, match=match):
        load(str(name), LocalOptions.model_validate(options))


class TestDevice:
    @pytest.mark.parametrize("device", ["gpu", "cuda", "cuda:7"])
    def test_one_that_is_not_here_is_told_before_the_weights_are_read(self, device: str, tiny: Tiny) -> None:
        import torch

        if torch.cuda.is_available() and device == "cuda":
            pytest.skip("there is one")
        assert tiny
        refused("no/such/weights", rf"unknown device '{device}' for torch .*leave --device out", device=device)

    def test_one_and_all_at_once_contradict_each_other(self) -> None:
        with pytest.raises(ValueError, match="give one of them"):
            LocalOptions(device="cpu", device_map="auto")

    def test_spread_over_the_devices_here(self, tiny: Tiny) -> None:
        assert load(str(tiny["qwen"]), LocalOptions(device_map="auto")).model.device.type in ("cpu", "cuda", "mps")

    def test_quantizing_needs_a_gpu(self, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(loading, "_require", lambda *_: None)
        refused(tiny["qwen"], "quantize needs a GPU", quantize="4bit", device="cpu")


class TestFolder:
    def test_weights_that_lack_a_tensor_are_refused_rather_than_made_up(self, copy: Path) -> None:
        from safetensors.torch import load_file, save_file

        weights = load_file(copy / "model.safetensors")
        gone = next(name for name in weights if name.endswith("lm_head.weight"))
        save_file(
            {name: value for name, value in weights.items() if name != gone},
            copy / "model.safetensors",
            metadata={"format": "pt"},
        )
        refused(copy, r"lack 1 tensors \(first: lm_head.weight\)")

    def test_cut_off_weights(self, copy: Path) -> None:
        content = (copy / "model.safetensors").read_bytes()
        for length in (1000, len(content) // 2):
            (copy / "model.safetensors").write_bytes(content[:length])
            refused(copy, "copy it again")

    @pytest.mark.parametrize(
        ("file", "says"),
        [
            ("config.json", "copy it again"),
            ("model.safetensors", "no file named model.safetensors"),
            ("preprocessor_config.json", "preprocessor_config.json"),
            ("tokenizer.json", "tokenizer"),
        ],
    )
    def test_a_file_that_is_missing(self, file: str, says: str, copy: Path) -> None:
        (copy / file).unlink()
        refused(copy, says)

    def test_a_processor_that_transformers_does_not_know(self, copy: Path) -> None:
        path = copy / "tokenizer_config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**config, "processor_class": "NoSuchProcessor"}), encoding="utf-8")
        refused(copy, "no processor for images and text")

    def test_a_model_that_transformers_does_not_know(self, copy: Path) -> None:
        path = copy / "config.json"
        path.write_text(path.read_text(encoding="utf-8").replace('"qwen3_vl"', '"qwen99_vl"'), encoding="utf-8")
        refused(copy, "upgrade transformers")

    def test_a_model_of_words_alone(self, tiny: Tiny, tmp_path: Path) -> None:
        from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

        sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        Qwen2ForCausalLM(Qwen2Config(vocab_size=400, num_key_value_heads=2, **sizes)).save_pretrained(tmp_path)
        AutoTokenizer.from_pretrained(tiny["qwen"]).save_pretrained(tmp_path)
        refused(tmp_path, "it has no processor for images: is it a vision-language model")

    def test_one_that_is_not_there(self, tiny: Tiny) -> None:
        assert tiny
        refused("weights/my/model", "not a folder")
        refused("./weights", "not a folder")


class TestHub:
    """Against a hub of our own: transformers would ask for every file, each with tries and waits of its own."""

    @pytest.fixture
    def hub(self, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, str], list[str]]]:
        from huggingface_hub import constants

        assert tiny
        says: dict[str, tuple[int, str]] = {}
        asked: list[str] = []

        class Hub(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                asked.append(self.path)
                status, code = says["now"]
                self.send_response(status)
                self.send_header("X-Error-Code", code)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f"http://127.0.0.1:{server.server_address[1]}"
            monkeypatch.setattr(constants, "ENDPOINT", url)
            monkeypatch.setattr(
                constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}"
            )
            monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)

            def answer(status: int, code: str) -> list[str]:
                says["now"] = status, code
                return asked

            yield answer
            server.shutdown()

    @pytest.mark.parametrize(
        ("status", "code", "says"),
        [
            (403, "GatedRepo", "accept its terms on its page and log in"),
            (401, "RepoNotFound", "nor a model on the hub"),
            (404, "RevisionNotFound", "no revision 'v2'"),
            (404, "EntryNotFound", "holds no config.json"),
            (503, "", "cannot be reached: check the network"),
        ],
    )
    def test_what_it_refuses_is_told_after_one_request(
        self, status: int, code: str, says: str, hub: Callable[[int, str], list[str]]
    ) -> None:
        asked = hub(status, code)
        refused("nobody/no-such-model", says, revision="v2")
        assert asked == ["/nobody/no-such-model/resolve/v2/config.json"]

    def test_without_a_network(self, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
        from huggingface_hub import constants

        assert tiny
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        nowhere = "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", nowhere)
        refused("nobody/no-such-model", "cannot be reached: check the network")

    def test_offline_by_choice(self, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> None:
        from huggingface_hub import constants

        assert tiny
        refused("nobody/no-such-model", r"not in this machine's cache.*hf download", offline=True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        refused("nobody/no-such-model", r"not in this machine's cache.*hf download")


class TestFingerprint:
    def test_a_copy_has_the_same_and_one_other_tensor_another(self, copy: Path, tiny: Tiny) -> None:
        from safetensors.torch import load_file, save_file

        original = fingerprint(tiny["qwen"])
        assert original is not None
        assert original.startswith("tensor-ends-sha256:")
        assert fingerprint(copy) == original
        weights = load_file(copy / "model.safetensors")
        for name in (min(weights), max(weights)):
            save_file({**weights, name: weights[name] * 1.01 + 0.001}, copy / "model.safetensors")
            assert fingerprint(copy) != original

    def test_it_reads_the_ends_of_a_tensor_and_not_its_middle(self, tmp_path: Path, tiny: Tiny) -> None:
        import torch
        from safetensors.torch import save_file

        assert tiny
        file = tmp_path / "model.safetensors"
        save_file({"w": torch.arange(100_000, dtype=torch.float32)}, file)
        original, content = fingerprint(tmp_path), file.read_bytes()
        for place, changes in ((-1, True), (-400_000, True), (-200_000, False)):
            other = bytearray(content)
            other[place] ^= 1
            file.write_bytes(other)
            assert (fingerprint(tmp_path) != original) == changes

    def test_older_files_are_read_whole_and_none_gives_none(self, tmp_path: Path) -> None:
        assert fingerprint(tmp_path) is None
        (tmp_path / "pytorch_model.bin").write_bytes(b"one")
        one = fingerprint(tmp_path)
        (tmp_path / "pytorch_model.bin").write_bytes(b"two")
        assert one is not None
        assert one.startswith("sha256:")
        assert fingerprint(tmp_path) != one
