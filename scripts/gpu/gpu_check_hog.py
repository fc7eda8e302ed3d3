"""Another process that holds the GPU's memory: Hog(left) starts it, take() returns
once all but left megabytes are taken, and close() gives them back.

As a program it is that process: gpu_check_hog.py LEFT prints a line when it is
ready, takes the memory when it reads one, prints another, and holds on until its
input ends.
"""

import subprocess
import sys


class Hog:
    def __init__(self, left):
        self.process = subprocess.Popen([sys.executable, __file__, str(left)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answered()

    def answered(self):
        if not self.process.stdout.readline():
            raise RuntimeError("the process that takes the GPU's memory ended at once")

    def take(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        self.answered()

    def close(self):
        if self.process.poll() is None:
            self.process.communicate("")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def hold(left):
    import torch

    torch.cuda.mem_get_info()  # opens the GPU
    print("ready", flush=True)
    sys.stdin.readline()
    blocks, size = [], 1 << 32
    while size >= 1 << 20:
        free, _ = torch.cuda.mem_get_info()
        if free - size < left << 20:
            size //= 2
            continue
        try:
            blocks.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
        except torch.OutOfMemoryError:
            size //= 2
    print("held", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    hold(int(sys.argv[1]))
