#!/usr/bin/env python3
"""Asks `trinity serve` through the openai package: openai_client_test.py TRINITY [TEST ...]

Without the package it says so and exits 77, which ctest counts as skipped."""

import base64
import os
import ssl
import struct
import subprocess
import sys
import tempfile
import unittest

try:
    import openai
except ImportError:
    print("the openai package is missing: tools/install_python_packages installs it")
    sys.exit(77)

import httpx2
from openai.types import Completion
from openai.types.chat import ChatCompletionChunk

TRINITY = sys.argv.pop(1) if len(sys.argv) > 1 else "trinity"
QUESTION = [{"role": "user", "content": "What is a violin?"}]


def serve(*flags):
    """A server with these flags, and its address."""
    server = subprocess.Popen(
        [TRINITY, "serve", "--threads", "2", "--kv-budget", "64MiB", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return server, server.stdout.readline().strip()


class OpenAiClient(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server, url = serve("--port", "0")
        cls.client = openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0, timeout=60)

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.server.terminate()
        assert cls.server.wait(60) == 0
        cls.server.stdout.close()

    def chat(self, **more):
        arguments = {"model": "trinity-pico", "messages": QUESTION, "max_tokens": 16, "seed": 3}
        return self.client.chat.completions.create(**(arguments | more))

    def test_chat(self):
        reply = self.chat()
        self.assertEqual("assistant", reply.choices[0].message.role)
        self.assertIn(reply.choices[0].finish_reason, ("stop", "length"))
        self.assertEqual(
            reply.usage.total_tokens, reply.usage.prompt_tokens + reply.usage.completion_tokens
        )

    def test_stream_has_typed_events_that_add_up_to_the_whole(self):
        whole = self.chat(logprobs=True, top_logprobs=2)
        content, tokens, usage = "", [], None
        stream = self.chat(
            logprobs=True, top_logprobs=2, stream=True, stream_options={"include_usage": True}
        )
        for event in stream:
            ChatCompletionChunk.model_validate(event.model_dump(), strict=True)
            usage = event.usage or usage
            for choice in event.choices:
                content += choice.delta.content or ""
                tokens += choice.logprobs.content if choice.logprobs else []
        self.assertEqual(whole.choices[0].message.content, content)
        self.assertEqual(whole.choices[0].logprobs.content, tokens)
        self.assertEqual(whole.usage, usage)

    def test_several_answers_differ_and_repeat(self):
        story = {"messages": [{"role": "user", "content": "Tell me a story."}], "temperature": 2}
        first = self.chat(n=3, **story)
        again = self.chat(n=3, **story)
        texts = [choice.message.content for choice in first.choices]
        self.assertEqual(texts, [choice.message.content for choice in again.choices])
        self.assertGreater(len(set(texts)), 1)

    def test_completions_with_echo_and_logprobs(self):
        reply = self.client.completions.create(
            model="trinity-pico", prompt=["One", [0, 385]], max_tokens=2, echo=True, logprobs=2
        )
        self.assertEqual([0, 1], [choice.index for choice in reply.choices])
        logprobs = reply.choices[1].logprobs
        self.assertEqual(4, len(logprobs.tokens))
        self.assertIsNone(logprobs.token_logprobs[0])
        self.assertTrue(reply.choices[1].text.startswith("What"))

    def test_streamed_completions(self):
        arguments = {"model": "trinity-pico", "prompt": "Once", "max_tokens": 8, "seed": 1}
        whole = self.client.completions.create(**arguments)
        text = ""
        for event in self.client.completions.create(**arguments, stream=True):
            self.assertIsInstance(event, Completion)
            text += "".join(choice.text for choice in event.choices)
        self.assertEqual(whole.choices[0].text, text)

    def test_embeddings_in_both_encodings(self):
        arguments = {"model": "trinity-pico", "input": ["a", "b"]}
        plain = self.client.embeddings.create(**arguments, encoding_format="float")
        encoded = self.client.embeddings.create(**arguments, encoding_format="base64")
        for one, other in zip(plain.data, encoded.data):
            values = other.embedding
            if isinstance(values, str):
                bytes_of = base64.b64decode(values)
                values = list(struct.unpack(f"<{len(bytes_of) // 4}f", bytes_of))
            for a, b in zip(one.embedding, values, strict=True):
                self.assertAlmostEqual(a, b, places=6)

    def test_models(self):
        self.assertEqual(["trinity-pico"], [model.id for model in self.client.models.list()])
        self.assertEqual("trinity-pico", self.client.models.retrieve("trinity-pico").id)

    def test_errors_are_of_their_types(self):
        with self.assertRaises(openai.NotFoundError) as raised:
            self.chat(model="gpt-5")
        self.assertEqual("model_not_found", raised.exception.code)
        with self.assertRaises(openai.BadRequestError) as raised:
            self.chat(temperature=-1)
        self.assertEqual("temperature", raised.exception.param)
        with self.assertRaises(openai.BadRequestError) as raised:
            self.chat(tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}])
        self.assertEqual("tools", raised.exception.param)

    def test_a_closed_stream_is_cancelled(self):
        before = self.stats()["requests"]["cancelled"]
        stream = self.chat(stream=True, max_tokens=4000, extra_body={"ignore_eos": True})
        next(iter(stream))
        stream.close()
        while self.stats()["requests"]["cancelled"] == before:
            pass
        self.assertEqual(0, self.stats()["requests"]["running"])

    def stats(self):
        return self.client.get("/stats", cast_to=object)

    def test_raw_responses_have_a_request_id(self):
        self.assertTrue(self.chat()._request_id.startswith("req-"))


class OtherSockets(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def client(self, server, url, http_client):
        client = openai.OpenAI(
            base_url=url + "/v1", api_key="none", max_retries=0, timeout=60, http_client=http_client
        )

        def close():
            client.close()
            server.terminate()
            self.assertEqual(0, server.wait(60))
            server.stdout.close()

        self.addCleanup(close)
        return client

    def check(self, client):
        arguments = {"model": "trinity-pico", "messages": QUESTION, "max_tokens": 8, "seed": 3}
        whole = client.chat.completions.create(**arguments).choices[0].message.content
        streamed = ""
        for event in client.chat.completions.create(**arguments, stream=True):
            streamed += event.choices[0].delta.content or ""
        self.assertTrue(whole)
        self.assertEqual(whole, streamed)

    def test_unix_socket(self):
        path = os.path.join(self.folder, "socket")
        server, url = serve("--unix-socket", path)
        self.assertEqual("http+unix:" + path, url)
        http_client = httpx2.Client(transport=httpx2.HTTPTransport(uds=path))
        self.check(self.client(server, "http://localhost", http_client))

    def test_tls(self):
        key, certificate = os.path.join(self.folder, "key"), os.path.join(self.folder, "cert")
        making = ["openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]
        making += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", key, "-out", certificate]
        making += ["-subj", "/CN=trinity", "-addext", "subjectAltName=IP:127.0.0.1"]
        subprocess.run(making, check=True, stderr=subprocess.DEVNULL)
        server, url = serve("--port", "0", "--tls-cert", certificate, "--tls-key", key)
        trusting = ssl.create_default_context(cafile=certificate)
        self.check(self.client(server, url, httpx2.Client(verify=trusting)))
        with openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0) as stranger:
            with self.assertRaises(openai.APIConnectionError):
                stranger.models.list()


if __name__ == "__main__":
    unittest.main()
