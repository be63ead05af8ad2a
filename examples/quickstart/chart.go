package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// chart is a small diagram, laid out for SVG: points with an optional line, or
// groups of bars. The zero of the vertical axis is always shown, so that a
// difference looks as large as it is.
type chart struct {
	Title, XLabel, YLabel string
	Width, Height         float64
	Left, Bottom, Right   float64 // of the plotting area
	Dots                  []dot
	Path                  string
	Rects                 []rect
	XTicks, YTicks        []tick

	small  bool
	points []point
	lines  []point
	groups []string
	bars   []bar
}

type point struct {
	X, Y  float64
	Name  string
	Class string
}

type bar struct {
	Group       int
	Value       float64
	Class, Name string
}

type dot struct {
	X, Y        float64
	Name, Class string
}

type rect struct {
	X, Y, W, H  float64
	Name, Class string
}

type tick struct {
	At   float64
	Text string
}

func newChart(title, x, y string) chart { return chart{Title: title, XLabel: x, YLabel: y} }

func (c *chart) add(p point)         { c.points = append(c.points, p) }
func (c *chart) line(points []point) { c.lines = points }

// layout turns the data into coordinates.
func (c chart) layout() chart {
	c.Width, c.Height = 640, 300
	if c.small {
		c.Width, c.Height = 310, 200
	}
	c.Left, c.Bottom, c.Right = 52, c.Height-40, c.Width-12
	const top = 12.0

	highest, least, most := 0.0, math.Inf(1), math.Inf(-1)
	for _, p := range append(c.points, c.lines...) {
		highest = max(highest, p.Y)
		least, most = min(least, p.X), max(most, p.X)
	}
	for _, b := range c.bars {
		highest = max(highest, b.Value)
	}
	step := niceStep(highest / 4)
	ceiling := max(step, math.Ceil(highest/step)*step)
	y := func(v float64) float64 { return round(c.Bottom - v/ceiling*(c.Bottom-top)) }
	for v := 0.0; v <= ceiling+step/2; v += step {
		c.YTicks = append(c.YTicks, tick{y(v), number(v)})
	}

	if len(c.groups) > 0 {
		c.layoutBars(y)
		return c
	}
	if math.IsInf(least, 1) {
		return c
	}
	if most == least {
		least, most = least-0.5, most+0.5
	}
	const inset = 10
	x := func(v float64) float64 {
		return round(c.Left + inset + (v-least)/(most-least)*(c.Right-c.Left-2*inset))
	}
	xStep := max(niceStep((most-least)/6), 1)
	for v := math.Ceil(least/xStep) * xStep; v <= most; v += xStep {
		c.XTicks = append(c.XTicks, tick{x(v), number(v)})
	}
	for _, p := range c.points {
		c.Dots = append(c.Dots, dot{x(p.X), y(p.Y), p.Name, p.Class})
	}
	var path strings.Builder
	for i, p := range c.lines {
		if i == 0 {
			fmt.Fprintf(&path, "M%g %g", x(p.X), y(p.Y))
			continue
		}
		fmt.Fprintf(&path, "H%gV%g", x(p.X), y(p.Y)) // best so far changes in steps
	}
	c.Path = path.String()
	return c
}

func (c *chart) layoutBars(y func(float64) float64) {
	slot := (c.Right - c.Left) / float64(len(c.groups))
	width := round(slot / 3)
	used := make([]int, len(c.groups))
	for i, name := range c.groups {
		c.XTicks = append(c.XTicks, tick{round(c.Left + slot*(float64(i)+0.5)), name})
	}
	for _, b := range c.bars {
		left := c.Left + slot*float64(b.Group) + slot/6 + float64(used[b.Group])*width
		used[b.Group]++
		c.Rects = append(c.Rects, rect{round(left), y(b.Value), width - 2, round(c.Bottom - y(b.Value)), b.Name, b.Class})
	}
}

// niceStep is the least of 1, 2 and 5 times a power of ten that is not below v.
func niceStep(v float64) float64 {
	if v <= 0 || math.IsInf(v, 0) || math.IsNaN(v) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if v <= m*power {
			return m * power
		}
	}
	return 10 * power
}

func round(v float64) float64 { return math.Round(v*10) / 10 }

func number(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) }
