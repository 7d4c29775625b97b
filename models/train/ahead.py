# SPDX-License-Identifier: LGPL-2.1-or-later
"""Batches that other processes make ahead of time, where a GPU would wait for captions and pictures."""
import multiprocessing
import os
import queue
import signal

import numpy as np

DEPTH = 2     # batches a worker may be ahead
PATIENCE = 5  # seconds after which it is asked whether workers are still alive


def work(make, seconds, out):
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the training, which ends its workers
    np.random.seed(int.from_bytes(os.urandom(4), "little"))
    while True:
        out.put(make(seconds.value))


class Ahead:
    """next(seconds) is what make(seconds) gives, of NumPy arrays and other things that can be pickled; seconds: of the
    training so far, of which workers hear late. workers: how many; 0: it is made when it is asked for."""

    def __init__(self, make, workers):
        self.make, self.workers = make, []
        if workers:
            fork = multiprocessing.get_context("fork")  # so that nothing is copied or read again
            self.seconds, self.made = fork.Value("d", 0.0), fork.Queue(DEPTH * workers)
            self.workers = [fork.Process(target=work, args=(make, self.seconds, self.made), daemon=True)
                            for _ in range(workers)]
            for worker in self.workers:
                worker.start()

    def next(self, seconds):
        if not self.workers:
            return self.make(seconds)
        self.seconds.value = seconds
        while True:
            try:
                return self.made.get(timeout=PATIENCE)
            except queue.Empty:
                if not all(worker.is_alive() for worker in self.workers):
                    raise SystemExit("a process that makes batches has ended: see what it said above")

    def close(self):
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.join()
        self.workers = []
