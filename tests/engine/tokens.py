# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the tokenizer to CLIPTokenizer, and prompts with weights to emphasis.py on that, on random texts.

    python3 tests/engine/tokens.py PRINT_TOKENS FOLDER [--texts 10000]

FOLDER is copied with special tokens told in the ways that checkpoints have: not at all, as words, as normalized ones
(SD-1.5), with "!" as the padding (SD-2), and as tokenizer.json. Skipped (77) where python3 has no transformers.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unicodedata

import emphasis

os.environ["HF_HUB_OFFLINE"] = "1"
try:
    from transformers import CLIPTokenizer
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

BEGIN, END = "<|startoftext|>", "<|endoftext|>"
WORDS = ["the", "A Red", "seven'S", "'s", "don't", "!!", END, BEGIN, "<|ENDOFTEXT|>", "İ", "½²", "12", "\u0085", "  ",
         "\n", "e\u0301", "...", "'", "<|", "Straße", "ΑΣ", "42nd", "a!b", "!"]
SIGNS = ["(", ")", "[", "]", "(", ")", ":1.3)", ": -.5 )", ":2)", ":1.2.3)", ":.)", ":", "\\(", "\\", "\\\\", " BREAK ",
         "BREAK", "BREAKs", "éBREAK", "\n", ":1.3", "((", "))", ":+1)"]
WAYS = {"plain": {}, "words": dict(bos_token=BEGIN, eos_token=END, unk_token=END, pad_token=END, model_max_length=77),
        "normalized": {key: {"__type": "AddedToken", "content": token, "lstrip": False, "normalized": True,
                             "rstrip": False, "single_word": False}
                       for key, token in dict(bos_token=BEGIN, eos_token=END, unk_token=END, pad_token=END).items()},
        "exclamation": dict(bos_token=BEGIN, eos_token=END, unk_token=END, pad_token="!")}


def some_text(rng, assigned):
    count = rng.randrange(30)
    kind = rng.randrange(4)
    if kind == 0:
        return "".join(rng.choice(assigned) for _ in range(count))
    if kind == 1:
        return "".join(rng.choice(WORDS) if rng.random() < .7 else chr(rng.randrange(32, 127)) for _ in range(count))
    if kind == 2:
        return "".join(chr(rng.choice((rng.randrange(32, 127), rng.randrange(160, 0x250), rng.randrange(0x300, 0x340))))
                       for _ in range(count))
    return " ".join(rng.choice(WORDS) for _ in range(count))


def compare(program, folder, theirs, texts):
    """Exits where an id differs."""
    for most in (0, 12):
        ours = subprocess.run([program, folder, str(most)], input=b"".join(t.encode() + b"\0" for t in texts),
                              capture_output=True)
        rows = ours.stdout.decode().splitlines()
        if ours.returncode or len(rows) != len(texts):
            sys.exit(f"{folder}: {len(rows)} of {len(texts)} texts: {ours.stderr.decode()}")
        if most:
            theirs.backend_tokenizer.enable_truncation(most)
        for text, row in zip(texts, rows):
            wanted = theirs.backend_tokenizer.encode(text).ids
            if wanted != [int(number) for number in row.split()]:
                sys.exit(f"{folder.name}, at most {most}: {text!r}: {row}, not {wanted}")


def some_prompt(rng, assigned):
    return "".join(rng.choice(SIGNS) if rng.random() < .4 else some_text(rng, assigned)[:rng.randrange(1, 20)]
                   for _ in range(rng.randrange(24)))


def compare_prompts(program, folder, theirs, prompts, length=12):
    """Exits where an id, a weight or a chunk differs. Weights beyond 100 are errors here."""
    theirs.backend_tokenizer.no_truncation()
    ours = subprocess.run([program, folder, "chunks", str(length)], input=b"".join(t.encode() + b"\0" for t in prompts),
                          capture_output=True)
    rows = ours.stdout.decode().splitlines()
    if ours.returncode or len(rows) != len(prompts):
        sys.exit(f"{folder}: {len(rows)} of {len(prompts)} prompts: {ours.stderr.decode()}")
    for text, row in zip(prompts, rows):
        try:
            ids, weights, filled = emphasis.chunks(
                text, lambda part: theirs.backend_tokenizer.encode(part, add_special_tokens=False).ids, length,
                theirs.bos_token_id, theirs.eos_token_id, theirs.pad_token_id)
            wanted = [str(n) for n in filled] + [f"{i}:{w:.9g}" for i, w in zip(ids.flat, weights.flat)]
        except ValueError:
            wanted = ["error"]
        if row.split() != wanted and not (row == "error" and abs(weights).max() > 100):
            sys.exit(f"{folder.name}: {text!r}: {row}, not {' '.join(wanted)}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program", type=pathlib.Path)
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("--texts", type=int, default=10000)
    o = p.parse_args()
    rng = random.Random(5)
    # As of the Unicode that this Python knows; of what combines, which tokenizers orders by older tables, as of 3.2.
    assigned = [chr(c) for c in range(1, 0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co") and
                (not unicodedata.combining(chr(c)) or unicodedata.ucd_3_2_0.combining(chr(c)))]
    with tempfile.TemporaryDirectory() as work:
        for name, config in WAYS.items():
            folder = pathlib.Path(work) / name
            folder.mkdir()
            for file in ("vocab.json", "merges.txt"):
                shutil.copy(o.folder / file, folder)
            if config:
                (folder / "tokenizer_config.json").write_text(json.dumps(config))
            theirs = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
            texts = [some_text(rng, assigned) for _ in range(o.texts // len(WAYS))]
            compare(o.program, folder, theirs, texts)
            compare_prompts(o.program, folder, theirs, [some_prompt(rng, assigned) for _ in texts])
            one = pathlib.Path(work) / f"{name}-one"
            theirs.backend_tokenizer.no_truncation()
            theirs.save_pretrained(one)
            (one / "vocab.json").unlink(missing_ok=True)
            compare(o.program, one, CLIPTokenizer.from_pretrained(one, local_files_only=True), texts[:200])
    print(f"{o.texts // len(WAYS) * len(WAYS)} texts and as many prompts have the same ids")


if __name__ == "__main__":
    main()
