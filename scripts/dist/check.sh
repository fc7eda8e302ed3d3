#!/bin/sh
# Makes the archives of the last commit in two folders, compares them, and runs
# the demo from that of this machine, unpacked in a folder with nothing else.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for folder in one a/longer/path/two; do
    git clone -q . "$work/$folder"
    make -s -C "$work/$folder" dist
done
cmp "$work/one/dist/SHA256SUMS" "$work/a/longer/path/two/dist/SHA256SUMS"
echo "two folders, the same archives"
cat "$work/one/dist/SHA256SUMS"
(cd "$work/one/dist" && sha256sum -c --quiet SHA256SUMS)

case "$(uname -s)/$(uname -m)" in
Linux/x86_64) mine=linux-amd64 ;;
Linux/aarch64) mine=linux-arm64 ;;
Darwin/arm64) mine=darwin-arm64 ;;
*) echo "the demo: skipped, there is no archive for $(uname -s)/$(uname -m)"; exit 0 ;;
esac
mkdir "$work/alone" "$work/home"
tar -xzf "$work"/one/dist/*-"$mine".tar.gz -C "$work/alone"
rm -rf "$work/one" "$work/a"
cd "$work/alone"/clipcalib-*
env -i PATH=/nowhere HOME="$work/home" ./clipcalib demo >"$work/demo.txt" || { cat "$work/demo.txt"; exit 1; }
tail -n 3 "$work/demo.txt"
echo "the demo runs from the archive alone"
