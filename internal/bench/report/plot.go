package report

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"

	"fishplate/internal/bench/outcome"
)

// The picture has two panels of the same width, one above the other.
const (
	plotWidth   = 860.0
	plotHeight  = 260.0
	plotLeft    = 70.0
	plotRight   = 40.0
	plotTop     = 40.0
	plotBetween = 80.0
)

// SVG draws the latency's distribution, and rate and p99 over time.
func SVG(w io.Writer, r *outcome.Result) error {
	var b strings.Builder
	height := 2*plotHeight + plotTop + 2*plotBetween
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" font-family="sans-serif" font-size="12">`+"\n", plotLeft+plotWidth+plotRight, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	p := r.Params
	load := fmt.Sprintf("%d connections", p.Connections)
	if p.Rate > 0 {
		load = Thousands(p.Rate) + " a second"
	}
	fmt.Fprintf(&b, `<text x="%g" y="22" font-size="15">%s, %s: %s a second%s</text>`+"\n", plotLeft, html.EscapeString(p.Workload), load, Thousands(r.Rate.Mean), share(r))
	drawCurve(&b, r, plotTop)
	drawTime(&b, r, plotTop+plotHeight+plotBetween)
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// HTML is the picture with the text below it, as one page.
func HTML(w io.Writer, r *outcome.Result) error {
	var picture, text strings.Builder
	if err := SVG(&picture, r); err != nil {
		return err
	}
	if err := Text(&text, r); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>fishplate bench %s</title>\n"+
		"<body style=\"max-width:1000px;margin:auto\">\n%s<pre style=\"white-space:pre-wrap\">%s</pre>\n</body></html>\n",
		html.EscapeString(r.Params.Workload), picture.String(), html.EscapeString(text.String()))
	return err
}

// panel maps values to places of one panel.
type panel struct{ top, x0, x1, y0, y1 float64 }

func (p panel) x(v float64) float64 { return plotLeft + plotWidth*(v-p.x0)/(p.x1-p.x0) }
func (p panel) y(v float64) float64 { return p.top + plotHeight*(1-(v-p.y0)/(p.y1-p.y0)) }

func (p panel) frame(b *strings.Builder, title string) {
	fmt.Fprintf(b, `<rect x="%g" y="%g" width="%g" height="%g" fill="none" stroke="#999"/>`+"\n", plotLeft, p.top, plotWidth, plotHeight)
	fmt.Fprintf(b, `<text x="%g" y="%g" text-anchor="end" fill="#555">%s</text>`+"\n", plotLeft+plotWidth, p.top-6, title)
}

func (p panel) across(b *strings.Builder, v float64, label string) {
	fmt.Fprintf(b, `<path d="M%.1f %.1fH%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="end">%s</text>`+"\n",
		plotLeft, p.y(v), plotLeft+plotWidth, plotLeft-6, p.y(v)+4, label)
}

func (p panel) down(b *strings.Builder, v float64, label string) {
	fmt.Fprintf(b, `<path d="M%.1f %.1fV%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n",
		p.x(v), p.top, p.top+plotHeight, p.x(v), p.top+plotHeight+16, label)
}

func (p panel) line(b *strings.Builder, colour string, n int, at func(i int) (x, y float64)) {
	if n == 0 {
		return
	}
	b.WriteString(`<path fill="none" stroke-width="2" stroke-linecap="round" stroke="` + colour + `" d="`)
	for i := range n {
		command := 'L'
		if i == 0 {
			command = 'M'
		}
		x, y := at(i)
		fmt.Fprintf(b, "%c%.1f %.1f", command, p.x(x), p.y(y))
	}
	if n == 1 {
		b.WriteString("h0") // a line of one place is a dot
	}
	b.WriteString("\"/>\n")
}

// share is the interval as far as a title has room for it.
func share(r *outcome.Result) string {
	half, ok := r.Rate.Half()
	if !ok {
		return ""
	}
	return fmt.Sprintf(" ± %.1f %%", half*100)
}

// nines turns a share into a height: each nine more is one step up.
func nines(share float64) float64 { return -math.Log10(max(1-share, 1e-6)) }

// drawCurve draws which share of the transactions took how long.
func drawCurve(b *strings.Builder, r *outcome.Result, top float64) {
	curve := r.Latency.Total.Curve
	if len(curve) == 0 {
		return
	}
	low := math.Floor(math.Log10(float64(max(curve[0].Value, 1))))
	high := math.Ceil(math.Log10(float64(max(curve[len(curve)-1].Value, 10))))
	highest := nines(1 - 1/float64(max(r.Latency.Total.Count, 10)))
	p := panel{top, low, max(high, low+1), 0, highest}
	p.frame(b, "share of transactions by latency, from "+when(r))
	for _, s := range []struct {
		share float64
		label string
	}{{0, "0"}, {0.5, "50 %"}, {0.9, "90 %"}, {0.99, "99 %"}, {0.999, "99.9 %"}, {0.9999, "99.99 %"}, {0.99999, "99.999 %"}} {
		if nines(s.share) <= highest {
			p.across(b, nines(s.share), s.label)
		}
	}
	for e := p.x0; e <= p.x1; e++ {
		p.down(b, e, power(int(e)))
	}
	p.line(b, "#1668b8", len(curve), func(i int) (float64, float64) {
		return math.Log10(float64(max(curve[i].Value, 1))), min(nines(curve[i].Share), highest)
	})
}

func when(r *outcome.Result) string {
	if r.Latency.From == "intended" {
		return "when due"
	}
	return "when begun"
}

// power names a power of ten of nanoseconds.
func power(e int) string {
	units := []string{"ns", "µs", "ms", "s"}
	e = max(e, 0)
	u := min(e/3, len(units)-1)
	return fmt.Sprintf("%.0f %s", math.Pow10(e-3*u), units[u])
}

// drawTime draws the rate over time, with the p99 in its own measure.
func drawTime(b *strings.Builder, r *outcome.Result, top float64) {
	if len(r.Seconds) == 0 {
		return
	}
	rate, tail := 1.0, 1.0
	for _, s := range r.Seconds {
		rate, tail = max(rate, s.Rate), max(tail, float64(s.P99))
	}
	rate *= 1.1
	p := panel{top, 0, r.Seconds[len(r.Seconds)-1].At, 0, rate}
	if p.x1 <= 0 {
		return
	}
	p.frame(b, `<tspan fill="#1668b8">rate</tspan> and <tspan fill="#b85c16">p99</tspan> (the dashes are `+Nanos(int64(tail))+`) over time`)
	for i := range 5 {
		v := rate / 4 * float64(i)
		p.across(b, v, Thousands(v))
	}
	for i := range 5 {
		v := p.x1 / 4 * float64(i)
		p.down(b, v, fmt.Sprintf("%.1f s", v))
	}
	p.line(b, "#1668b8", len(r.Seconds), func(i int) (float64, float64) { return r.Seconds[i].At, r.Seconds[i].Rate })
	p.line(b, "#b85c16", len(r.Seconds), func(i int) (float64, float64) { return r.Seconds[i].At, float64(r.Seconds[i].P99) / tail * rate / 1.1 })
	fmt.Fprintf(b, `<path d="M%.1f %.1fH%.1f" stroke="#b85c16" stroke-dasharray="4 4"/>`+"\n", plotLeft, p.y(rate/1.1), plotLeft+plotWidth)
}
