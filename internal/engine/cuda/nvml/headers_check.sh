#!/bin/sh
# headers_check.sh WORK DIR: whether nvml.h of this folder says what NVIDIA's nvml.h
# in DIR says: every value and size, printed by one program built with each.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$1 theirs=$2
cxx=${CXX:-c++}
mkdir -p "$work"
{
	printf '#include <nvml.h>\n#include <cstdio>\n'
	printf '#define VALUE(x) printf("%%s %%lld\\n", #x, (long long)(x));\nint main() {\n'
	sed -n -e 's/^ *\(NVML_[A-Z_]*\) = .*/VALUE(\1)/p' -e 's/^#define \(nvml[A-Za-z]*\) .*/VALUE(\1)/p' "$here/nvml.h"
	printf 'VALUE(sizeof(nvmlUtilization_t))\nVALUE(sizeof(nvmlReturn_t))\nVALUE(sizeof(nvmlDevice_t))\n}\n'
} >"$work/nvml.cpp"
$cxx -w -O0 -I"$here" -o "$work/nvml-ours" "$work/nvml.cpp"
$cxx -w -O0 -I"$theirs" -o "$work/nvml-theirs" "$work/nvml.cpp"
"$work/nvml-ours" >"$work/nvml-ours.txt"
"$work/nvml-theirs" >"$work/nvml-theirs.txt"
diff "$work/nvml-ours.txt" "$work/nvml-theirs.txt" || { echo "declarations differ from NVIDIA's nvml.h (< ours, > theirs)" >&2; exit 1; }
echo "nvml.h: $(wc -l <"$work/nvml-ours.txt") values agree"
