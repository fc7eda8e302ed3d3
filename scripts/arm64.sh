#!/bin/sh
# Runs tests of the kernels for arm64 under qemu's emulation of a processor with
# bfloat16 (Debian's package qemu-user). With INSTALL=yes it is installed where this
# is root of a machine with apt-get. Slow parts are left out: emulation takes ten to
# thirty times as long.
set -e
GO=${GO:-go}
qemu=$(command -v qemu-aarch64 || command -v qemu-aarch64-static || true)
if [ -z "$qemu" ] && [ "$INSTALL" = yes ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	{ apt-get -qq install -y qemu-user || { apt-get -qq update && apt-get -qq install -y qemu-user; }; } >/dev/null 2>&1 ||
		echo "arm64: qemu-user could not be installed"
	qemu=$(command -v qemu-aarch64 || true)
fi
if [ -z "$qemu" ]; then
	echo "arm64: skipped, no qemu-aarch64 (Debian: apt-get install qemu-user): the kernels for arm64 are not tested here"
	exit 0
fi
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
# package, then the tests of it, or . for all
test_package() {
	GOOS=linux GOARCH=arm64 CGO_ENABLED=0 $GO test -c -o "$work/test" "./$1"
	echo "arm64: $1"
	(cd "$1" && "$qemu" -cpu max "$work/test" -test.short -test.run "$2" -test.timeout 20m)
}
test_package internal/engine/cpu/vec .
test_package internal/engine/cpu/sgemm .
test_package internal/engine/cpu/bgemm 'Arm|Multiply|Product|Threads|Attend|Attention|Softmax|Round|NaN|Transposed'
test_package internal/imageio 'Resize|Resamp'
test_package internal/engine/cpu 'TestConformance/.*(1_thread|bf16)|TestThreads|TestFrozen|TestName'
# Whole towers against PyTorch.
test_package internal/clip 'TestTowersAgree|TestResNetAgrees'
