# SPDX-License-Identifier: LGPL-2.1-or-later
"""A byte-level BPE vocabulary in CLIP's file format, learnt from captions, and the tokenizer that reads it.

    python models/train/bpe.py models/world/tokenizer [--captions 20000] [--size 1000] [--length 64]

Words are those of CLIP (Radford et al. 2021): lower case, letters together, each numeral for itself, the end of a word
marked. transformers' CLIPTokenizer reads the folder, too.
"""
import argparse
import collections
import json
import pathlib
import re

import numpy as np

import export
import world

BEGIN, END = "<|startoftext|>", "<|endoftext|>"
WORD = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\w\s]|_)+")
ENDING = "</w>"


def byte_letters():
    """A printable letter for each byte, CLIP's (and GPT-2's) order: printable ones stand for themselves."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {b: chr(b) for b in plain}
    for b in range(256):
        letters.setdefault(b, chr(256 + len(letters) - len(plain)))
    return letters


LETTERS = byte_letters()


def words_of(text):
    return WORD.findall(" ".join(text.lower().split()))


def parts_of(word):
    """The letters of a word, the last one marked as such."""
    letters = [LETTERS[b] for b in word.encode()]
    return (*letters[:-1], letters[-1] + ENDING)


def merged(parts, pair):
    """parts with each occurrence of the pair made one."""
    out = []
    for part in parts:
        if out and (out[-1], part) == pair:
            out[-1] += part
        else:
            out.append(part)
    return tuple(out)


def learn(counts, merges):
    """counts: how often each word occurs. The merges, the most frequent pair first."""
    words = {parts_of(word): count for word, count in counts.items()}
    found = []
    while len(found) < merges:
        pairs = collections.Counter()
        for parts, count in words.items():
            for pair in zip(parts, parts[1:]):
                pairs[pair] += count
        if not pairs:
            break
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        found.append(best)
        words = {merged(parts, best): count for parts, count in words.items()}
    return found


class Tokenizer:
    def __init__(self, folder):
        self.ids = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        lines = (folder / "merges.txt").read_text(encoding="utf-8").splitlines()[1:]
        self.rank = {tuple(line.split()): i for i, line in enumerate(lines)}
        self.length = json.loads((folder / "tokenizer_config.json").read_text())["model_max_length"]
        self.begin, self.end = self.ids[BEGIN], self.ids[END]
        self.known = {}

    def word(self, word):
        """Its ids."""
        if word not in self.known:
            parts = parts_of(word)
            while len(parts) > 1:
                best = min(zip(parts, parts[1:]), key=lambda pair: self.rank.get(pair, len(self.rank)))
                if best not in self.rank:
                    break
                parts = merged(parts, best)
            self.known[word] = [self.ids[part] for part in parts]
        return self.known[word]

    def ids_of(self, text, most=None):
        inside = [i for word in words_of(text) for i in self.word(word)]
        return [self.begin, *inside[:(most or self.length) - 2], self.end]

    def batch(self, texts, length=None):
        """int64 [texts, length], filled up with END as CLIP's are; by default to the longest of them."""
        rows = [self.ids_of(text, length) for text in texts]
        out = np.full((len(rows), length or max(map(len, rows))), self.end, np.int64)
        for row, ids in zip(out, rows):
            row[:len(ids)] = ids
        return out


def write(folder, merges, length):
    letters = list(LETTERS.values())
    tokens = [*letters, *(letter + ENDING for letter in letters), *map("".join, merges), BEGIN, END]
    export.write_json(folder / "vocab.json", {token: i for i, token in enumerate(tokens)})
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges), ""]
    export.write(folder / "merges.txt", "\n".join(lines).encode())
    special = {"bos_token": BEGIN, "eos_token": END, "unk_token": END, "pad_token": END}
    export.write_json(folder / "special_tokens_map.json", special)
    export.write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "CLIPTokenizer", "model_max_length": length, "add_prefix_space": False, "errors": "replace",
        "do_lower_case": True, **special})
    return len(tokens)


def packed_captions(folder):
    """Of pairs.py."""
    for lines in json.loads((folder / "captions.json").read_text(encoding="utf-8")):
        yield from lines


def captions(count, motion):
    """Of stills; with motion, of films as well, so that its words have tokens of their own."""
    for number in range(count):
        yield world.caption(number, world.scene(number))[0]
        if motion:
            yield world.film_caption(number, world.scene(number, moving=True))[0]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folder", type=pathlib.Path)
    p.add_argument("--captions", type=int, default=20000, help="to learn from (default: %(default)s)")
    p.add_argument("--size", type=int, default=1000, help="tokens in all, at most (default: %(default)s)")
    p.add_argument("--length", type=int, default=64, help="tokens of a text, at most (default: %(default)s)")
    p.add_argument("--pairs", type=pathlib.Path, metavar="FOLDER", help="learn from the captions that pairs.py put "
                   "there, not from the world's")
    o = p.parse_args()
    texts = list(packed_captions(o.pairs) if o.pairs else captions(o.captions, motion=True))
    counts = collections.Counter(w for text in texts for w in words_of(text))
    size = write(o.folder, learn(counts, o.size - 2 - 2 * len(LETTERS)), o.length)
    tokenizer = Tokenizer(o.folder)
    lengths = [len(tokenizer.ids_of(text)) for text in texts[:1000]]
    print(f"{size} tokens for {len(counts)} words; a caption has {np.mean(lengths):.1f}, at most {max(lengths)}")


if __name__ == "__main__":
    main()
