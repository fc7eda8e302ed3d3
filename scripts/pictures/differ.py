#!/usr/bin/env python3
"""Compares our picture reader with Pillow, each in a process of its own.

    go build -o /tmp/decode ./scripts/pictures/decode
    python3 scripts/pictures/differ.py --ours /tmp/decode FOLDER...             # the files as they are
    python3 scripts/pictures/differ.py --ours /tmp/decode --mutate 100000 --seed 1 FOLDER...

Prints by format: pictures, both open, both refuse, only one opens, and of
those that both open, how many have equal pixels. --keep DIR keeps what
differs. With --mutate, pictures are drawn from the folders (at most --largest
bytes each) and damaged, the same for the same seed and files; a night's run is
--mutate 100000 or more. --make DIR first writes Pillow-made seeds of all
formats into DIR (seeds.py) and adds it to the folders. Needs Pillow; stated in
docs/PICTURES.md is the version compared with.
"""
import argparse
import collections
import json
import pathlib
import queue
import random
import struct
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).parent
MAGIC = [(b"\xff\xd8", "JPEG"), (b"\x89PNG", "PNG"), (b"RIFF", "WebP"), (b"GIF8", "GIF"), (b"BM", "BMP"),
         (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"II+\0", "TIFF"), (b"MM\0+", "TIFF"), (b"MM*\0", "TIFF"),
         (b"II\0*", "TIFF"), (b"P", "PPM")]
READ = {"JPEG", "MPO", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"}  # Pillow's names of the formats we read


class Reader:
    """One of the two processes; started again when it ends or hangs."""

    def __init__(self, command, timeout):
        self.command, self.timeout = command, timeout
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = queue.Queue()
        threading.Thread(target=self.pump, args=(self.process, self.lines), daemon=True).start()

    @staticmethod
    def pump(process, lines):
        for line in process.stdout:
            lines.put(line.decode().rstrip("\n"))
        lines.put(None)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def send(self, data):
        try:
            self.process.stdin.write(struct.pack("<I", len(data)) + data)
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # receive will find that it ended

    def receive(self):
        try:
            line = self.lines.get(timeout=self.timeout)
        except queue.Empty:
            line = None
            answer = "error timeout"
        else:
            answer = line or f"error process ended ({self.process.poll()})"
        if line is None:
            self.stop()
            self.start()
        return answer


def kind_of(data):
    return next((name for magic, name in MAGIC if data.startswith(magic)), "other")


def mutate(rng, data):
    """Damages a file in one to a few places, as disks, networks and bugs do."""
    b = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        if len(b) < 4:
            break
        at = rng.randrange(len(b)) if rng.random() < 0.6 else rng.randrange(min(len(b), 700))
        match rng.randrange(9):
            case 0 | 1:
                b[at] ^= 1 << rng.randrange(8)
            case 2:
                b[at] = rng.choice((0, 255, 1, 127, 128, rng.randrange(256)))
            case 3:
                del b[at:]  # cut
            case 4:
                del b[at : at + rng.randint(1, 16)]
            case 5:
                b[at:at] = rng.randbytes(rng.randint(1, 16))
            case 6:
                b[at : at + 8] = bytes(min(8, len(b) - at))
            case 7:
                other = rng.randrange(len(b))
                n = rng.randint(1, 64)
                b[at : at + n] = b[other : other + n]
            case 8:
                b[at : at + 2] = rng.randbytes(2)
    return bytes(b)


def pictures(folders, largest):
    for folder in folders:
        path = pathlib.Path(folder)
        for p in [path] if path.is_file() else sorted(path.rglob("*")):
            if p.is_file() and (largest is None or p.stat().st_size <= largest):
                data = p.read_bytes()
                if kind_of(data) != "other":
                    yield str(p), data


def mutations(args):
    rng = random.Random(args.seed)
    groups = collections.defaultdict(list)
    for name, data in pictures(args.folders, args.largest):
        groups[kind_of(data)].append((name, data))
    if not groups:
        sys.exit("differ: no pictures in the folders")
    kinds = sorted(k for k in groups if not args.only or k in args.only)
    for i in range(args.mutate):
        name, data = rng.choice(groups[rng.choice(kinds)])
        yield f"{name}#{args.seed}.{i}", mutate(rng, data)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folders", nargs="*")
    p.add_argument("--ours", required=True, help="the built scripts/pictures/decode")
    p.add_argument("--mutate", type=int, default=0)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--largest", type=int, default=60_000)
    p.add_argument("--timeout", type=float, default=60)
    p.add_argument("--keep", help="folder for pictures that differ")
    p.add_argument("--make", help="folder to write Pillow-made seeds to")
    p.add_argument("--only", type=lambda s: s.split(","), help="formats to draw from, as JPEG,PNG")
    p.add_argument("--list", action="store_true", help="print each picture that differs")
    args = p.parse_args()
    if args.make:
        subprocess.run([sys.executable, HERE / "seeds.py", args.make], check=True)
        args.folders.append(args.make)
    ours = Reader([args.ours], args.timeout)
    pillow = Reader([sys.executable, str(HERE / "oracle.py")], args.timeout)
    count = collections.defaultdict(collections.Counter)
    keep = args.keep and pathlib.Path(args.keep)
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    source = mutations(args) if args.mutate else pictures(args.folders, None)
    for i, (name, data) in enumerate(source):
        for reader in (ours, pillow):
            reader.send(data)
        a, b = ours.receive(), pillow.receive()
        kind = kind_of(data)
        if b.startswith("ok"):
            b, made = b.rsplit(" ", 1)
            if made not in READ:
                kind = "other"
        verdict = judge(a, b)
        count[kind][verdict] += 1
        if verdict not in ("equal", "both refuse") and kind != "other":
            if args.list:
                print(json.dumps([verdict, name, a, b]), flush=True)
            if keep:
                (keep / f"{kind}_{verdict.replace(' ', '_')}_{i}").write_bytes(data)
        if args.mutate and (i + 1) % 10_000 == 0:
            print(f"{i + 1:,}", file=sys.stderr, flush=True)
    ours.stop(), pillow.stop()
    report(count)


def judge(a, b):
    ok = a.startswith("ok"), b.startswith("ok")
    if ok == (True, True):
        return "equal" if a == b else "pixels differ"
    return {(True, False): "only ours", (False, True): "only Pillow", (False, False): "both refuse"}[ok]


def report(count):
    columns = ["equal", "pixels differ", "both refuse", "only ours", "only Pillow"]
    print(f"{'format':8}{'pictures':>10}" + "".join(f"{c:>15}" for c in columns) + f"{'accept alike':>14}{'pixels equal':>14}")
    for kind in sorted(count):
        c = count[kind]
        n, both = sum(c.values()), c["equal"] + c["pixels differ"]
        alike = 100 * (both + c["both refuse"]) / n
        same = f"{100 * c['equal'] / both:.2f} %" if both else "-"
        print(f"{kind:8}{n:10,}" + "".join(f"{c[k]:15,}" for k in columns) + f"{alike:12.2f} %{same:>14}")


if __name__ == "__main__":
    main()
