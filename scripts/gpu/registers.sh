#!/bin/sh
# registers.sh [--all]: prints, as Markdown, the registers of the GPU's kernels on
# every generation of cards, from what "make cuda-ptx" noted of ptxas -v; "128 + 64"
# are 64 bytes of stack beside 128 registers. Without --all: those from 128
# registers up, or with a stack, on any card.
set -eu
table=$(dirname "$0")/../../internal/engine/cuda/kernels/registers.txt
awk -v all="${1:-}" '
	/^\/\// || $1 == "kernel" { next }
	{
		if (!($1 in seen)) { seen[$1]; kernels[++n] = $1 }
		if (!($2 in known)) { known[$2]; generations[++m] = $2 }
		cell[$1, $2] = $3 ($4 ? " + " $4 : "")
		if ($3 >= 128 || $4) much[$1]
	}
	END {
		head = "| kernel |"; rule = "| --- |"
		for (g = 1; g <= m; g++) { head = head " " generations[g] " |"; rule = rule " --- |" }
		print head; print rule
		for (k = 1; k <= n; k++) {
			if (all == "" && !(kernels[k] in much)) continue
			row = "| `" kernels[k] "` |"
			for (g = 1; g <= m; g++) row = row " " cell[kernels[k], generations[g]] " |"
			print row
		}
	}' "$table"
