"""Provokes what can go wrong with a GPU, and wants of each one line that names it
and nothing lost.

    gpu_check_faults.py --clipcalib BIN --weights CHECKPOINT --work FOLDER [--emulated]

No driver, an old driver, no cuBLAS, no visible GPU, a GPU that another process
has filled, too large a batch; memory taken by another process, Ctrl-C and kill
-9 in the middle of encode and of adapt: the same command run again must end with
the same bytes as a run that nothing disturbed. No setting of the card is
touched. --emulated is for the emulated driver, whose environment variables stand
for what another process would do. Ends with 1 if a fault was not met as wanted.
"""

import argparse
import array
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib

import gpu_check_hog as hog

OLD_DRIVER = """int cuInit(unsigned f) { return 0; }
int cuDriverGetVersion(int *v) { return *v = 11080, 0; }
"""


class Check:
    def __init__(self, a):
        self.a, self.failed = a, 0
        self.work = a.work
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)

    def say(self, ok, name, text):
        self.failed += not ok
        print(f"{'ok' if ok else 'FAILED'}  {name}: {text}", flush=True)

    def start(self, args, env=None):
        command = [self.a.clipcalib, *map(str, args), "--device", "cuda", "-q"]
        return subprocess.Popen(command, env={**os.environ, **(env or {})}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def run(self, args, env=None):
        return finish(self.start(args, env), 300)

    def refused(self, name, words, args, env=None):
        """The command must fail, for now (75) or for good, with one line that holds the words."""
        code, err = self.run(args, env)
        lines = err.splitlines()
        self.say(code in (1, 75) and len(lines) == 1 and words in err, name, f"exit code {code}: {lines[0] if lines else 'no message'}")


def finish(p, limit):
    try:
        _, err = p.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        p.kill()
        _, err = p.communicate()
        err += "\n(did not end)"
    return p.returncode, err


def contents(path):
    """Bytes of a file or of all files below a folder, by name."""
    path = pathlib.Path(path)
    files = [path] if path.is_file() else sorted(q for q in path.rglob("*") if q.is_file())
    return {str(q.relative_to(path.parent)).split("/", 1)[-1] if path.is_dir() else "": q.read_bytes() for q in files}


def remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def write_png(path, side, seed):
    r = random.Random(seed)
    pixels = b"".join(b"\0" + r.randbytes(3 * side) for _ in range(side))  # rows without a filter

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
                     + chunk(b"IDAT", zlib.compress(pixels, 1)) + chunk(b"IEND", b""))


def write_features(path, n, k, d):
    r = random.Random(1)
    noise = array.array("f", (r.random() - 0.5 for _ in range(1 << 16)))
    tensors = [("features", "F32", [n, d], (noise * (n * d // len(noise) + 1))[: n * d]), ("text_features", "F32", [k, d], (noise * (k * d // len(noise) + 1))[7 : 7 + k * d]),
               ("labels", "I64", [n], array.array("q", (i % k for i in range(n))))]
    header, data = {}, b""
    for name, kind, shape, values in tensors:
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(values) * values.itemsize]}
        data += values.tobytes()
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(struct.pack("<Q", len(head)) + head + data)


def starting(c):
    """What keeps a run from starting."""
    probe = ["bench", "--models", "tiny", "--what", "peaks", "--time", "1ms"]
    broken = c.work / "broken"
    broken.mkdir()
    paths = os.environ.get("LD_LIBRARY_PATH", "")

    def first(folder):
        return {"LD_LIBRARY_PATH": f"{folder}:{paths}", "CUDA_HOME": "/nonexistent"}

    (broken / "libcuda.so.1").write_text("no library")
    c.refused("no driver", "no NVIDIA driver", probe, first(broken))
    old = c.work / "old"
    old.mkdir()
    (old / "cuda.c").write_text(OLD_DRIVER)
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler:
        subprocess.run([compiler, "-shared", "-fPIC", "-o", old / "libcuda.so.1", old / "cuda.c"], check=True)
        c.refused("old driver", "11.8 at most, 12.0 is needed", probe, first(old))
    else:
        print("skipped  old driver: there is no C compiler to build a stand-in")
    blas = c.work / "blas"
    blas.mkdir()
    for version in ("12", "13"):
        (blas / f"libcublasLt.so.{version}").write_text("no library")
    c.refused("no cuBLAS", "libcublasLt.so.12 is not found", probe, first(blas))
    c.refused("no visible GPU", "sees no GPU", probe, {"CUDA_VISIBLE_DEVICES": "", "EMULATOR_INIT": "100"})
    c.refused("unknown precision", 'precision "int3" is unknown', [*probe, "--precision", "int3"])
    if c.a.emulated:
        c.refused("GPU taken", "taken by another process", probe, {"EMULATOR_RETAIN": "46"})
        c.refused("GPU full", "out of GPU memory", probe, {"EMULATOR_MEMORY": "1000000"})
        c.refused("batch too large", "out of GPU memory", ["bench", "--models", "tiny", "--what", "images", "--batches", "4096"],
                  {"EMULATOR_MEMORY": str(90 << 20)})
    else:
        for left in (100, 900):  # too little for a context; for a model
            with hog.Hog(left) as other:
                other.take()
                c.refused(f"GPU filled by another process but for {left} MB", "out of GPU memory",
                          ["bench", "--models", "ViT-L/14", "--what", "images", "--batches", "256"])
        c.refused("batch too large", "out of GPU memory", ["bench", "--models", "ViT-L/14", "--what", "images", "--batches", "60000"])


class Work:
    """A command that can be disturbed: its arguments for an output, and how long
    it takes when nothing does."""

    def __init__(self, c, name, args, suffix=""):
        self.c, self.name, self.args, self.suffix = c, name, args, suffix
        begun = time.monotonic()
        code, err = c.run(self.arguments("whole"))
        self.seconds = time.monotonic() - begun
        if code:
            sys.exit(f"{name} does not run: {err.strip()}")
        self.whole = contents(self.out("whole"))

    def out(self, run):
        return self.c.work / f"{self.name}-{run}{self.suffix}"

    def arguments(self, run):
        return [*self.args, "--out", self.out(run)]

    def disturb(self, how, do, codes, undo=lambda: None):
        """Starts the command, does something in its middle, and runs it again
        after that is undone."""
        run = how.replace(" ", "-")
        for part in (2, 4, 8, 16):
            p = self.c.start(self.arguments(run))
            time.sleep(self.seconds / part)
            do(p)
            code, err = finish(p, 300)
            undo()
            if code or 0 in codes:
                break
            remove(self.out(run))  # it was done before: earlier, then
        lines = err.splitlines()
        name = f"{self.name}, {how}"
        said = lines[-1] if lines else "nothing said"
        if code not in codes or len(lines) > 1 or "panic" in err:
            self.c.say(False, name, f"exit code {code}: {err.strip()[:500]}")
            return
        if self.suffix and code != 0 and self.out(run).exists():
            self.c.say(False, name, "a file is left that looks finished")
            return
        again, err = self.c.run(self.arguments(run))
        same = contents(self.out(run)) == self.whole if again == 0 else False
        self.c.say(same, name, f"exit code {code}, {said}; again: "
                   + ("the same bytes as undisturbed" if same else f"exit code {again}, {err.strip()[:300] or 'other bytes'}"))


def disturbed(c):
    pictures = c.work / "pictures"
    pictures.mkdir()
    side, copies, rows, classes, width, epochs = (64, 300, 64, 16, 64, 300) if c.a.emulated else (600, 4000, 16000, 1000, 512, 600)
    for i in range(8):
        write_png(pictures / f"{i}.png", side, i)
    for i in range(8, copies):
        os.link(pictures / f"{i % 8}.png", pictures / f"{i}.png")
    features = c.work / "features.safetensors"
    write_features(features, rows, classes, width)
    works = [
        Work(c, "encode", ["encode", "--weights", c.a.weights, "--images", pictures], ".npy"),
        Work(c, "adapt", ["adapt", "taskres", "--features", features, "--epochs", epochs]),
    ]
    for w in works:
        print(f"{w.name} takes {w.seconds:.1f} s undisturbed")
        w.disturb("Ctrl-C", lambda p: p.send_signal(signal.SIGINT), (130,))
        w.disturb("kill -9", lambda p: p.kill(), (-signal.SIGKILL,))
        if not c.a.emulated:
            with hog.Hog(20) as other:
                w.disturb("memory taken", lambda p: other.take(), (0, 1), other.close)


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--clipcalib", required=True)
    p.add_argument("--weights", required=True, help="a checkpoint to encode with")
    p.add_argument("--work", required=True, type=pathlib.Path, help="folder to work in, emptied first")
    p.add_argument("--emulated", action="store_true")
    c = Check(p.parse_args())
    starting(c)
    disturbed(c)
    shutil.rmtree(c.work)
    sys.exit(1 if c.failed else 0)


if __name__ == "__main__":
    main()
