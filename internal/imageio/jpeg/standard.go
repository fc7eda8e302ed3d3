package jpeg

// The typical Huffman tables of the JPEG standard (section K.3). Frames of
// Motion JPEG leave them out, and libjpeg puts them in.
var standard = [2]struct{ dcCounts, acCounts, acSymbols string }{
	{
		dcCounts: "\x00\x01\x05\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00",
		acCounts: "\x00\x02\x01\x03\x03\x02\x04\x03\x05\x05\x04\x04\x00\x00\x01\x7d",
		acSymbols: "\x01\x02\x03\x00\x04\x11\x05\x12\x21\x31\x41\x06\x13\x51\x61\x07\x22\x71\x14\x32\x81\x91\xa1\x08" +
			"\x23\x42\xb1\xc1\x15\x52\xd1\xf0\x24\x33\x62\x72\x82\x09\x0a\x16\x17\x18\x19\x1a\x25\x26\x27\x28",
	},
	{
		dcCounts: "\x00\x03\x01\x01\x01\x01\x01\x01\x01\x01\x01\x00\x00\x00\x00\x00",
		acCounts: "\x00\x02\x01\x02\x04\x04\x03\x04\x07\x05\x04\x04\x00\x01\x02\x77",
		acSymbols: "\x00\x01\x02\x03\x11\x04\x05\x21\x31\x06\x12\x41\x51\x07\x61\x71\x13\x22\x32\x81\x08\x14\x42\x91" +
			"\xa1\xb1\xc1\x09\x23\x33\x52\xf0\x15\x62\x72\xd1\x0a\x16\x24\x34\xe1\x25\xf1\x17\x18\x19\x1a\x26" +
			"\x27\x28",
	},
}

// standardTables defines the tables that the file did not.
func (d *decoder) standardTables() {
	for i, t := range standard {
		if !d.dcTable[i].defined {
			d.dcTable[i].define([]byte(t.dcCounts), []byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b"))
		}
		if !d.acTable[i].defined {
			d.acTable[i].define([]byte(t.acCounts), standardSymbols(t.acSymbols))
		}
	}
}

// standardSymbols completes a table's symbols: those of the longest codes
// follow in order, runs of up to 15 with sizes of up to 10, less the ones named.
func standardSymbols(named string) []byte {
	symbols := []byte(named)
	var taken [256]bool
	for _, s := range symbols {
		taken[s] = true
	}
	for run := range 16 {
		for size := 1; size <= 10; size++ {
			if s := byte(run<<4 | size); !taken[s] {
				symbols = append(symbols, s)
			}
		}
	}
	return symbols
}
