"""A server on this machine that speaks the providers' wire formats, for the real SDKs to talk to.

It decodes what each SDK sends into one form, `Asked`, has a function answer it, and wraps the answer as the provider
would. Trouble of every kind can be asked for.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Asked:
    """One request, whoever's format it came in."""

    provider: str
    model: str
    images: tuple[bytes, ...]
    text: str
    labels: tuple[str, ...]
    body: dict[str, Any]
    headers: dict[str, str]

    def pixels(self, index: int) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(self.images[index])).convert("RGB"))


@dataclass(frozen=True)
class Says:
    """What the server does: says a text, or causes trouble."""

    text: str | None = None
    kind: str = "text"  # text, refusal, truncated, filtered, status, html, broken, shape, close, cut; expired (batches)
    end: str | None = ""  # the provider's word for how the reply ended; by default the one that goes with `kind`
    body: dict[str, Any] | None = None  # the whole body, instead of one made of the text
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    first_token: dict[str, float] | None = None
    served_model: str = "served-model-1"
    read: int | None = None  # tokens; by default 100 and 300 an image


Answer = Callable[[Asked], Says]


class ModelServer(ThreadingHTTPServer):
    """Answers by `answer`; remembers every request in `asked`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.asked: list[Asked] = []
        self.lock = threading.Lock()
        self.busy = self.most_busy = 0
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.batch_ready = False
        self.batch_ends_as = ""  # a provider's word for a batch that failed as a whole
        self.batch_says = ""  # OpenAI's reason for that
        self.hang_up_on_batches = False  # take a batch in and close the connection

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about clients that hang up."""


@contextmanager
def model_server(answer: Answer) -> Iterator[ModelServer]:
    """Run a server while the block lasts."""
    server = ModelServer(answer)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - the standard library's name

    def do_GET(self) -> None:
        self._batches_or_files("GET", b"")

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        provider = _provider(self.path)
        if provider is None:
            self._batches_or_files("POST", content)
            return
        asked = _decode(provider, self.path, json.loads(content), dict(self.headers))
        with self.server.lock:
            self.server.asked.append(asked)
            self.server.busy += 1
            self.server.most_busy = max(self.server.most_busy, self.server.busy)
        try:
            self._reply(provider, asked, self.server.answer(asked))
        finally:
            with self.server.lock:
                self.server.busy -= 1

    def _reply(self, provider: str, asked: Asked, says: Says) -> None:
        time.sleep(says.seconds)
        if says.kind == "close":
            self.close_connection = True
            self.connection.close()
        elif says.kind == "cut":
            self._send(200, json.dumps(WRAP[provider](asked, says))[:40], headers={"Content-Length": "4000"})
            self.close_connection = True
            self.connection.close()
        elif says.kind == "status":
            body = _error(provider, says) if says.body is None else says.body
            self._send(says.status, json.dumps(body), headers=says.headers)
        elif says.kind == "html":
            self._send(200, f"<html><body>Bad gateway {says.text}</body></html>", "text/html")
        elif says.kind == "broken":
            self._send(200, json.dumps({"id": says.text or "x", "choices": []})[:-9])
        elif says.kind == "shape":
            self._send(200, '{"unexpected": []}')
        else:
            self._send(200, json.dumps(WRAP[provider](asked, says) if says.body is None else says.body))

    def _send(
        self, status: int, text: str, kind: str = "application/json", headers: dict[str, str] | None = None
    ) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _batches_or_files(self, method: str, content: bytes) -> None:
        server, path = self.server, self.path.partition("?")[0]
        if path == "/v1/files" and method == "POST":  # OpenAI: a multipart form with one file
            boundary = b"--" + str(self.headers.get_param("boundary")).encode()  # type: ignore[attr-defined]
            part = next(part for part in content.split(boundary) if b'name="file"' in part)
            name = f"file-{len(server.files)}"
            server.files[name] = part.partition(b"\r\n\r\n")[2].rstrip(b"\r\n")
            self._send(200, json.dumps({"id": name, "object": "file", "bytes": 1, "created_at": 1,
                                        "filename": "f", "purpose": "batch", "status": "processed"}))  # fmt: skip
        elif match := re.fullmatch(r"/v1/files/([^/]+)/content", path):
            self._send(200, server.files[match[1]].decode(), "application/octet-stream")
        elif path == "/v1/batches" and method == "POST":
            name = f"batch_{len(server.batches)}"
            server.batches[name] = json.loads(content)
            self._accept(_openai_batch(name, "validating", None))
        elif path == "/v1/batches":
            listed = [_openai_batch(name, "in_progress", None, batch.get("metadata")) for name, batch in self._newest()]
            self._send(200, json.dumps({"object": "list", "data": listed, "has_more": False}))
        elif match := re.fullmatch(r"/v1/batches/([^/]+)", path):
            self._send(200, json.dumps(self._openai_batch_state(match[1])))
        elif path == "/v1/messages/batches" and method == "POST":
            name = f"msgbatch_{len(server.batches)}"
            server.batches[name] = json.loads(content)
            self._accept(_anthropic_batch(name, "in_progress", None))
        elif path == "/v1/messages/batches":
            listed = [
                _anthropic_batch(name, "in_progress", None, len(batch["requests"])) for name, batch in self._newest()
            ]
            self._send(200, json.dumps({"data": listed, "has_more": False, "first_id": None, "last_id": None}))
        elif match := re.fullmatch(r"/v1/messages/batches/([^/]+)", path):
            ended = server.batch_ready
            url = f"{server.url}/v1/messages/batches/{match[1]}/results" if ended else None
            self._send(200, json.dumps(_anthropic_batch(match[1], "ended" if ended else "in_progress", url)))
        elif match := re.fullmatch(r"/v1/messages/batches/([^/]+)/results", path):
            lines = []
            for item in reversed(server.batches[match[1]]["requests"]):
                asked = _decode("anthropic", path, item["params"], {})
                says = self._answer(asked)
                result: dict[str, Any] = {"type": "succeeded", "message": WRAP["anthropic"](asked, says)}
                if says.kind == "status":
                    result = {"type": "errored", "error": _error("anthropic", says)}
                elif says.kind == "expired":
                    result = {"type": "expired"}
                lines.append({"custom_id": item["custom_id"], "result": result})
            self._send(200, "\n".join(map(json.dumps, lines)), "application/x-jsonl")
        elif path == "/upload/v1beta/files":  # Google: where to upload to, then the file
            if self.headers.get("X-Goog-Upload-Command") == "start":
                self._send(200, "{}", headers={"X-Goog-Upload-URL": f"{server.url}/upload/v1beta/files"})
                return
            name = f"files/f{len(server.files)}"
            server.files[name] = content
            self._send(200, json.dumps({"file": {"name": name}}), headers={"X-Goog-Upload-Status": "final"})
        elif match := re.fullmatch(r"/v1beta/(files/[^/]+):download", path):
            self._send(200, server.files[match[1]].decode(), "application/octet-stream")
        elif path.endswith(":batchGenerateContent"):
            name = f"batches/b{len(server.batches)}"
            server.batches[name] = {**json.loads(content), "path": path}
            self._accept({"name": name, "metadata": {"state": "BATCH_STATE_PENDING"}})
        elif path == "/v1beta/batches":
            listed = [
                {"name": name, "metadata": {"state": "BATCH_STATE_RUNNING", "createTime": CREATED,
                                            "displayName": batch["batch"]["displayName"]}}
                for name, batch in self._newest()
            ]  # fmt: skip
            self._send(200, json.dumps({"operations": listed}))
        elif match := re.fullmatch(r"/v1beta/(batches/b\d+)", path):
            self._send(200, json.dumps(self._google_batch_state(match[1])))
        else:
            self._send(404, json.dumps({"error": {"message": f"no such path {path}"}}))

    def _accept(self, batch: dict[str, Any]) -> None:
        if self.server.hang_up_on_batches:
            self.close_connection = True
            self.connection.close()
        else:
            self._send(200, json.dumps(batch))

    def _newest(self) -> list[tuple[str, dict[str, Any]]]:
        return list(reversed(self.server.batches.items()))

    def _answer(self, asked: Asked) -> Says:
        with self.server.lock:
            self.server.asked.append(asked)
        return self.server.answer(asked)

    def _openai_batch_state(self, name: str) -> dict[str, Any]:
        server = self.server
        if server.batch_ends_as:
            errors = {"object": "list", "data": [{"message": server.batch_says}]} if server.batch_says else None
            return {**_openai_batch(name, server.batch_ends_as, None), "errors": errors}
        if not server.batch_ready:
            return _openai_batch(name, "in_progress", None)
        output, errors = f"{name}-output", f"{name}-errors"
        if output not in server.files:
            lines: dict[str, list[dict[str, Any]]] = {output: [], errors: []}
            for line in reversed(server.files[server.batches[name]["input_file_id"]].decode().splitlines()):
                request = json.loads(line)
                asked = _decode(_provider(request["url"]) or "", request["url"], request["body"], {})
                says = self._answer(asked)
                result: dict[str, Any] = {"custom_id": request["custom_id"], "response": None, "error": None}
                if says.kind == "expired":
                    result["error"] = {
                        "code": "batch_expired",
                        "message": "This request could not be executed in time.",
                    }
                elif says.kind == "status":
                    result["response"] = {"status_code": says.status, "body": _error("openai", says)}
                else:
                    result["response"] = {"status_code": 200, "body": WRAP[asked.provider](asked, says)}
                lines[errors if says.kind in ("expired", "status") else output].append(result)
            server.files |= {name: "\n".join(map(json.dumps, found)).encode() for name, found in lines.items()}
        return {**_openai_batch(name, "completed", output), "error_file_id": errors if server.files[errors] else None}

    def _google_batch_state(self, name: str) -> dict[str, Any]:
        server = self.server
        if server.batch_ends_as:
            return {"name": name, "metadata": {"state": server.batch_ends_as}}
        if not server.batch_ready:
            return {"name": name, "metadata": {"state": "BATCH_STATE_RUNNING"}}
        answers = f"files/{name.rpartition('/')[2]}-answers"
        batch = server.batches[name]
        if answers not in server.files:
            lines = []
            for line in reversed(server.files[batch["batch"]["inputConfig"]["fileName"]].decode().splitlines()):
                item = json.loads(line)
                asked = _decode("google", batch["path"], item["request"], {})
                says = self._answer(asked)
                result: dict[str, Any] = {"response": WRAP["google"](asked, says)}
                if says.kind in ("expired", "status"):
                    code = {400: 3, 429: 8}.get(says.status, 13)
                    result = {"error": {"code": code, "message": says.text or says.kind}}
                lines.append(json.dumps({"key": item["key"], **result}))
            server.files[answers] = "\n".join(lines).encode()
        output = {"responsesFile": answers}
        return {"name": name, "metadata": {"state": "BATCH_STATE_SUCCEEDED", "output": output}}


CREATED = "2099-01-01T00:00:00Z"


def _provider(path: str) -> str | None:
    path = path.partition("?")[0]
    if re.fullmatch(r"/v1beta/models/[^/:]+:generateContent", path):
        return "google"
    return {"/v1/responses": "openai", "/v1/chat/completions": "chat", "/v1/messages": "anthropic"}.get(path)


def _decode(provider: str, path: str, body: dict[str, Any], headers: dict[str, str]) -> Asked:
    images, texts, model = [], [], body.get("model", "")
    if provider == "google":
        match = re.search(r"models/([^:]+):", path)
        model = match[1] if match else model
        for part in body["contents"][0]["parts"]:
            blob = part.get("inlineData") or part.get("inline_data")
            images += [base64.b64decode(blob["data"], altchars=b"-_")] if blob else []
            texts += [part["text"]] if "text" in part else []
    else:
        messages = body["input"] if provider == "openai" else body["messages"]
        for part in messages[0]["content"]:
            if part["type"] in ("text", "input_text"):
                texts.append(part["text"])
            elif part["type"] == "image":
                images.append(base64.b64decode(part["source"]["data"]))
            else:
                url = part["image_url"] if provider == "openai" else part["image_url"]["url"]
                images.append(base64.b64decode(url.partition(",")[2]))
    captions = [found for text in texts[:-1] for found in re.findall(r"^Image (\S+):$|^The (\S+) image:$", text)]
    labels = tuple(first or second for first, second in captions)
    return Asked(provider, model, tuple(images), "\n".join(texts), labels, body, headers)


def _usage(asked: Asked, says: Says) -> tuple[int, int]:
    return 100 + 300 * len(asked.images) if says.read is None else says.read, 5 + len(says.text or "")


def _openai(asked: Asked, says: Says) -> dict[str, Any]:
    read, written = _usage(asked, says)
    content: list[dict[str, Any]] = [{"type": "output_text", "text": says.text or "", "annotations": []}]
    if says.kind == "refusal":
        content = [{"type": "refusal", "refusal": says.text or "I cannot judge this."}]
    if says.first_token:
        told = _top(says.first_token, "logprob")
        content[0]["logprobs"] = [{**told[0], "top_logprobs": told}]
    reasons = {"truncated": "max_output_tokens", "filtered": "content_filter"}
    reason = reasons.get(says.kind)
    message = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": content}
    return {
        "id": "resp_1", "object": "response", "created_at": 1, "model": says.served_model,
        "status": "incomplete" if reason else (says.end if says.end != "" else "completed"),
        "incomplete_details": {"reason": reason} if reason else None,
        "output": [] if says.kind == "truncated" else [message],
        "usage": {"input_tokens": read, "output_tokens": written, "total_tokens": read + written,
                  "output_tokens_details": {"reasoning_tokens": 2}, "input_tokens_details": {"cached_tokens": 10}},
    }  # fmt: skip


def _chat(asked: Asked, says: Says) -> dict[str, Any]:
    read, written = _usage(asked, says)
    message: dict[str, Any] = {"role": "assistant", "content": says.text}
    finish = {"truncated": "length", "filtered": "content_filter"}.get(says.kind, "stop")
    finish = says.end if says.end != "" else finish
    if says.kind == "refusal":
        message |= {"content": None, "refusal": says.text or "I cannot judge this."}
    choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": finish}
    if says.first_token:
        told = _top(says.first_token, "logprob")
        choice["logprobs"] = {"content": [{**told[0], "top_logprobs": told}]}
    return {
        "id": "chat_1", "object": "chat.completion", "created": 1, "model": says.served_model, "choices": [choice],
        "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
    }  # fmt: skip


def _anthropic(asked: Asked, says: Says) -> dict[str, Any]:
    read, written = _usage(asked, says)
    stop = {"refusal": "refusal", "filtered": "refusal", "truncated": "max_tokens"}.get(says.kind, "end_turn")
    stop = says.end if says.end != "" else stop
    content = [{"type": "text", "text": says.text}] if says.text is not None else []
    return {
        "id": "msg_1", "type": "message", "role": "assistant", "model": says.served_model, "content": content,
        "stop_reason": stop, "stop_sequence": None, "usage": {"input_tokens": read, "output_tokens": written},
    }  # fmt: skip


def _google(asked: Asked, says: Says) -> dict[str, Any]:
    read, written = _usage(asked, says)
    known = {
        "modelVersion": says.served_model,
        "responseId": "r1",
        "usageMetadata": {"promptTokenCount": read, "candidatesTokenCount": written, "thoughtsTokenCount": 3},
    }
    if says.kind == "refusal":
        return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, **known}
    finish = {"truncated": "MAX_TOKENS", "filtered": "SAFETY"}.get(says.kind, "STOP")
    finish = says.end if says.end != "" else finish
    candidate: dict[str, Any] = {"finishReason": finish, "index": 0}
    if says.text is not None:
        candidate["content"] = {"role": "model", "parts": [{"text": says.text}]}
    if says.first_token:
        candidate["logprobsResult"] = {"topCandidates": [{"candidates": _top(says.first_token, "logProbability")}]}
    return {"candidates": [candidate], **known}


WRAP: dict[str, Callable[[Asked, Says], dict[str, Any]]] = {
    "openai": _openai,
    "chat": _chat,
    "anthropic": _anthropic,
    "google": _google,
}


def _top(tokens: dict[str, float], name: str) -> list[dict[str, Any]]:
    ordered = sorted(tokens.items(), key=lambda item: -item[1])
    return [{"token": token, name: float(np.log(probability))} for token, probability in ordered]


def _error(provider: str, says: Says) -> dict[str, Any]:
    message = says.text or "trouble"
    if provider == "anthropic":
        return {"type": "error", "error": {"type": "api_error", "message": message}}
    if provider == "google":
        return {"error": {"code": says.status, "message": message, "status": "TROUBLE"}}
    return {"error": {"message": message, "type": "trouble", "code": None}}


def _openai_batch(name: str, status: str, output: str | None, metadata: dict[str, str] | None = None) -> dict[str, Any]:
    return {"id": name, "object": "batch", "endpoint": "/v1/responses", "input_file_id": "f", "status": status,
            "completion_window": "24h", "created_at": 4_070_908_800, "output_file_id": output,
            "metadata": metadata}  # fmt: skip


def _anthropic_batch(name: str, status: str, url: str | None, requests: int = 0) -> dict[str, Any]:
    counts = {"processing": requests, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0}
    return {"id": name, "type": "message_batch", "processing_status": status, "request_counts": counts,
            "created_at": CREATED, "expires_at": CREATED, "ended_at": None,
            "archived_at": None, "cancel_initiated_at": None, "results_url": url}  # fmt: skip


def structured(label: str) -> str:
    """Return an answer in forced JSON."""
    return json.dumps({"answer": label})


def higher_contrast(asked: Asked) -> Says:
    """Choose the image with the higher contrast, which is what an able model would do."""
    contrasts = [asked.pixels(i).std() for i in range(2)]
    return Says(structured("A" if contrasts[0] > contrasts[1] else "B"))


def uniform(asked: Asked, salt: str = "") -> float:
    """Return a number in [0, 1) that depends on the request alone."""
    named = json.dumps([asked.model, asked.text, [hashlib.sha256(i).hexdigest() for i in asked.images], salt])
    return int.from_bytes(hashlib.sha256(named.encode()).digest()[:7], "big") / 2**56


if __name__ == "__main__":  # a process of its own, which takes 20 ms for an answer and can be killed
    alone = ModelServer(lambda asked: replace(higher_contrast(asked), seconds=0.02))
    print(alone.url, flush=True)  # noqa: T201 - for whoever started it
    alone.serve_forever()
