package report

// canvas is what diagrams are drawn on: an SVG whose colours the page's style
// sheet decides, or a raster image. Coordinates are pixels, y grows downwards.
type canvas interface {
	rect(x, y, w, h float64, fill ink, opacity float64)
	line(x1, y1, x2, y2 float64, stroke ink, width float64, dashed bool)
	polygon(points []float64, fill ink, opacity float64) // x, y, x, y, ...
	text(x, y, size float64, s string, fill ink, a align)
	// vertical writes upwards, centred on (x, y).
	vertical(x, y, size float64, s string, fill ink)
	// group shows note when the mouse rests on what draw draws, where the
	// medium has a mouse.
	group(note string, draw func())
}

// align says where a text's x lies in it, and whether it is bold.
type align int

const (
	start align = iota
	middle
	end
	bold align = 4 // added to one of the others
)

// ink names a colour by its use.
type ink int

const (
	inkText ink = iota
	inkMuted
	inkGrid
	inkFrame
	inkBar   // accuracy bars
	inkOver  // confidence above accuracy
	inkUnder // confidence below accuracy
	inkCount // histogram
	inkPaper
	inkSeries // the first of the colours that tell targets apart
)

const seriesInks = 12

// series returns the colour of the i-th target.
func series(i int) ink { return inkSeries + ink(i%seriesInks) }

// inkNames are the CSS classes; inkColours the light colours, used wherever no
// style sheet can choose.
var inkNames = []string{"text", "muted", "grid", "frame", "bar", "over", "under", "count", "paper",
	"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11"}

var inkColours = []uint32{0x1b2230, 0x667085, 0xe6e9ef, 0xb8c0cc, 0xbccde6, 0xd92d3a, 0x2f7fd1, 0x94a3b8, 0xffffff,
	0x2563eb, 0xdc2626, 0xd97706, 0x7c3aed, 0x059669, 0xdb2777, 0x0891b2, 0x65a30d,
	0x78501e, 0x475569, 0xa21caf, 0x0f766e}

var inkDarkColours = []uint32{0xe6eaf2, 0x9aa4b5, 0x2a3140, 0x4a5468, 0x3d547a, 0xf2555f, 0x5aa2ec, 0x64748b, 0x12161f,
	0x6ea0ff, 0xff7a7a, 0xf5b14a, 0xb394ff, 0x3ccf9b, 0xff79b7, 0x4fd0e6, 0xa6d65a,
	0xcfa36b, 0xa8b8cf, 0xe27bf0, 0x5fd4c6}
