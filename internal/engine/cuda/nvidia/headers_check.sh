#!/bin/sh
# headers_check.sh WORK FLAGS...: whether cuda.h, functions.h and cublasLt.h of this
# folder say what NVIDIA's headers say, which FLAGS (-I...) find: every value, size,
# offset and type of a function, printed by one program built with each.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$1
shift
cxx=${CXX:-c++}
mkdir -p "$work"
{
	cat <<'EOF'
#define __CUDA_API_VERSION_INTERNAL // declares the older forms of functions too
#include <cuda.h>
#include <cublasLt.h>
#include <cstddef>
#include <cstdio>
#include <typeinfo>
#define TYPE(x) printf("%s %s\n", #x, typeid(x).name());
#define VALUE(x) printf("%s %lld\n", #x, (long long)(x));
#define SIZE(x) printf("%s %zu\n", #x, sizeof(x));
#define OFFSET(s, f) printf("%s.%s %zu %s\n", #s, #f, offsetof(s, f), typeid(((s *)0)->f).name());
int main() {
EOF
	cat "$here/cuda.h" "$here/values.h" "$here/cublasLt.h" | awk '
		/^ *(CUDA_|CU_|CUBLAS)[A-Z0-9a-z_]* = / { print "VALUE(" $1 ")" }
		/^#define CU_[A-Z_]* / { print "VALUE(" $2 ")" }
		/^typedef struct .*{$/ { fields = 0; delete field; inside = 1; next }
		inside && /^}/ {
			name = $2; sub(";", "", name); print "SIZE(" name ")"
			for (i = 1; i <= fields; i++) print "OFFSET(" name ", " field[i] ")"
			inside = 0; next
		}
		inside && /;$/ { f = $NF; gsub(/[*;]|\[.*\]/, "", f); field[++fields] = f }
		/^typedef .*;$/ && !/Opaque/ { f = $NF; if (match($0, /\(\*[A-Za-z0-9]*\)/)) f = substr($0, RSTART + 2, RLENGTH - 3)
			sub(/^\*/, "", f); sub(";", "", f); print "TYPE(" f ")" }'
	sed -n 's/^CUDA_FUNCTION(\([A-Za-z0-9_]*\),.*/TYPE(\1)/p' "$here/functions.h"
	sed -n 's/^CUBLASLT_FUNCTION(\([A-Za-z0-9_]*\),.*/TYPE(\1)/p' "$here/cublasLt.h"
	printf 'TYPE(cuInit)\nTYPE(cublasLtGetVersion)\n}\n'
} >"$work/facts.cpp"
$cxx -w -O0 -I"$here" -o "$work/ours" "$work/facts.cpp" -Wl,--unresolved-symbols=ignore-all
$cxx -w -O0 "$@" -o "$work/theirs" "$work/facts.cpp" -Wl,--unresolved-symbols=ignore-all
"$work/ours" >"$work/ours.txt"
"$work/theirs" >"$work/theirs.txt"
diff "$work/ours.txt" "$work/theirs.txt" || { echo "declarations differ from NVIDIA's (< ours, > theirs)" >&2; exit 1; }
echo "$(wc -l <"$work/ours.txt") values, layouts and functions agree"
