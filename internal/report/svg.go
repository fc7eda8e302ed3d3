package report

import (
	"fmt"
	"html"
	"io"
	"strconv"
	"strings"
)

// svgCanvas collects SVG elements that carry classes instead of colours.
type svgCanvas struct {
	w, h float64
	b    strings.Builder
}

func newSVG(w, h float64) *svgCanvas { return &svgCanvas{w: w, h: h} }

// num writes a coordinate to a hundredth of a pixel.
func num(v float64) string {
	s := strconv.FormatFloat(v, 'f', 2, 64)
	s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	if s == "-0" {
		return "0"
	}
	return s
}

func opacityOf(opacity float64) string {
	if opacity >= 1 {
		return ""
	}
	return ` fill-opacity="` + num(opacity) + `"`
}

func (s *svgCanvas) rect(x, y, w, h float64, fill ink, opacity float64) {
	fmt.Fprintf(&s.b, `<rect x="%s" y="%s" width="%s" height="%s" class="f-%s"%s/>`,
		num(x), num(y), num(w), num(h), inkNames[fill], opacityOf(opacity))
}

func (s *svgCanvas) line(x1, y1, x2, y2 float64, stroke ink, width float64, dashed bool) {
	dash := ""
	if dashed {
		dash = ` stroke-dasharray="4 3"`
	}
	fmt.Fprintf(&s.b, `<line x1="%s" y1="%s" x2="%s" y2="%s" class="l-%s" stroke-width="%s"%s/>`,
		num(x1), num(y1), num(x2), num(y2), inkNames[stroke], num(width), dash)
}

func (s *svgCanvas) polygon(points []float64, fill ink, opacity float64) {
	text := make([]string, len(points))
	for i, p := range points {
		text[i] = num(p)
	}
	fmt.Fprintf(&s.b, `<polygon points="%s" class="f-%s"%s/>`, strings.Join(text, " "), inkNames[fill],
		opacityOf(opacity))
}

func (s *svgCanvas) text(x, y, size float64, text string, fill ink, a align) {
	anchor, weight := [...]string{"start", "middle", "end"}[a&3], ""
	if a&bold != 0 {
		weight = ` font-weight="600"`
	}
	fmt.Fprintf(&s.b, `<text x="%s" y="%s" font-size="%s" text-anchor="%s"%s class="f-%s">%s</text>`,
		num(x), num(y), num(size), anchor, weight, inkNames[fill], html.EscapeString(text))
}

func (s *svgCanvas) vertical(x, y, size float64, text string, fill ink) {
	fmt.Fprintf(&s.b, `<text transform="translate(%s %s) rotate(-90)" font-size="%s" text-anchor="middle" class="f-%s">%s</text>`,
		num(x), num(y), num(size), inkNames[fill], html.EscapeString(text))
}

func (s *svgCanvas) group(note string, draw func()) {
	fmt.Fprintf(&s.b, "<g><title>%s</title>", html.EscapeString(note))
	draw()
	s.b.WriteString("</g>")
}

// inline returns the element for a page whose style sheet has inkStyles;
// label is what a screen reader says.
func (s *svgCanvas) inline(label string) string {
	return fmt.Sprintf(`<svg viewBox="0 0 %s %s" width="%s" height="%s" role="img" aria-label="%s">%s</svg>`,
		num(s.w), num(s.h), num(s.w), num(s.h), html.EscapeString(label), s.b.String())
}

// writeFile writes a document of its own, with its colours inside.
func (s *svgCanvas) writeFile(w io.Writer) error {
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" height="%s" font-family="system-ui, 'Liberation Sans', Arial, sans-serif"><style>%s</style><rect width="100%%" height="100%%" class="f-paper"/>%s</svg>`+"\n",
		num(s.w), num(s.h), num(s.w), num(s.h), inkStyles(inkColours), s.b.String())
	return err
}

// inkStyles are the CSS rules that colour the classes.
func inkStyles(colours []uint32) string {
	var b strings.Builder
	for i, name := range inkNames {
		fmt.Fprintf(&b, ".f-%s{fill:#%06x}.l-%s{stroke:#%06x}", name, colours[i], name, colours[i])
	}
	return b.String()
}
