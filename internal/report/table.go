package report

import "clipcalib/internal/table"

// Table is rows of text under a header.
type Table = table.Grid

// Spread is a mean over seeds with its standard deviation.
type Spread = table.Spread
