# SPDX-License-Identifier: LGPL-2.1-or-later
"""Holds the tokenizer to CLIPTokenizer, on random texts.

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

os.environ["HF_HUB_OFFLINE"] = "1"
try:
    from transformers import CLIPTokenizer
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

BEGIN, END = "<|startoftext|>", "<|endoftext|>"
WORDS = ["the", "A Red", "seven'S", "'s", "don't", "!!", END, BEGIN, "<|ENDOFTEXT|>", "İ", "½²", "12", "\u0085", "  ",
         "\n", "e\u0301", "...", "'", "<|", "Straße", "ΑΣ", "42nd", "a!b", "!"]
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


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program", type=pathlib.Path)
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("--texts", type=int, default=10000)
    o = p.parse_args()
    rng = random.Random(5)
    # As of the Unicode that this Python knows, which is no newer than what the libraries know.
    assigned = [chr(c) for c in range(1, 0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]
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
            one = pathlib.Path(work) / f"{name}-one"
            theirs.backend_tokenizer.no_truncation()
            theirs.save_pretrained(one)
            (one / "vocab.json").unlink(missing_ok=True)
            compare(o.program, one, CLIPTokenizer.from_pretrained(one, local_files_only=True), texts[:200])
    print(f"{o.texts // len(WAYS) * len(WAYS)} texts have the same ids")


if __name__ == "__main__":
    main()
