#!/usr/bin/env python3
"""Scores texts with lm-eval through `trinity serve`: lm_eval_test.py TRINITY [TEST ...]

The model type is local-completions, as it comes, with the tokenizer of the model's folder. Without
the packages it says so and exits 77, which ctest counts as skipped."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

missing = [name for name in ("lm_eval", "transformers") if not importlib.util.find_spec(name)]
if missing:
    print(f"missing: {', '.join(missing)}; `tools/install_python_packages lm_eval` installs it")
    sys.exit(77)

TRINITY = sys.argv.pop(1) if len(sys.argv) > 1 else "trinity"
ROOT = Path(__file__).resolve().parents[2]
TASKS = ROOT / "tests/data/lm_eval"
PICO = ROOT / "models/trinity-pico"


class LmEval(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen(
            [TRINITY, "serve", PICO, "--port", "0", "--threads", "2", "--kv-budget", "64MiB"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        cls.url = cls.server.stdout.readline().strip()

    @classmethod
    def tearDownClass(cls):
        cls.server.terminate()
        assert cls.server.wait(60) == 0
        cls.server.stdout.close()

    def evaluate(self, tasks, batch_size=1, **model_arguments):
        """The samples of each task, by document."""
        arguments = {
            "base_url": self.url + "/v1/completions",
            "model": "trinity-pico",
            "tokenizer": PICO,
            "tokenizer_backend": "huggingface",
        } | model_arguments
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-B", "-m", "lm_eval", "--model", "local-completions"]
            command += ["--model_args", ",".join(f"{k}={v}" for k, v in arguments.items())]
            command += ["--batch_size", str(batch_size)]
            command += ["--tasks", ",".join(tasks), "--include_path", TASKS]
            command += ["--output_path", folder, "--log_samples"]
            environment = os.environ | {"HF_HOME": folder, "HF_HUB_OFFLINE": "1"}
            ran = subprocess.run(
                command, cwd=TASKS, env=environment, capture_output=True, text=True, timeout=280
            )
            self.assertEqual(0, ran.returncode, ran.stderr)
            samples = {}
            for task in tasks:
                (file,) = Path(folder).glob(f"**/samples_{task}_*.jsonl")
                lines = [json.loads(line) for line in file.read_text().splitlines()]
                samples[task] = sorted(lines, key=lambda sample: sample["doc_id"])
            return samples

    def measured(self, context):
        texts = TASKS / "texts.jsonl"
        command = [TRINITY, "perplexity", PICO, texts, "--documents", "--json"]
        ran = subprocess.run(
            command + ["--context", str(context)], capture_output=True, text=True, check=True
        )
        return [one["log_likelihood"] for one in json.loads(ran.stdout)["documents"]]

    def test_log_likelihoods_are_those_of_the_perplexity_command_to_the_bit(self):
        samples = self.evaluate(["pico_texts", "pico_choices", "pico_answers"], max_length=512)
        found = [float(sample["resps"][0][0]) for sample in samples["pico_texts"]]
        self.assertEqual(self.measured(context=511), found)
        for sample in samples["pico_choices"]:
            likelihoods = [float(choice[0][0]) for choice in sample["resps"]]
            self.assertEqual(max(likelihoods), likelihoods[int(sample["target"])])
        for sample in samples["pico_answers"]:
            self.assertIn(sample["target"], sample["resps"][0][0])

    def test_texts_that_are_cut_into_windows_have_them_too(self):
        # lm-eval keeps one token of max_length for the answer.
        samples = self.evaluate(["pico_texts"], batch_size=2, max_length=33, num_concurrent=2)
        found = [float(sample["resps"][0][0]) for sample in samples["pico_texts"]]
        self.assertEqual(self.measured(context=32), found)


if __name__ == "__main__":
    unittest.main()
