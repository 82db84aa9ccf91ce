// Tides prints when the sea is high and low today, for each place of the harbour.
package main

import (
	"os"
	"strconv"
)

const (
	day    = 24 * 60
	period = 12*60 + 25 // minutes from one high water to the next
)

type place struct {
	name  string
	first int // minutes from midnight to the first high water
}

var places = []place{{"Harbour", 165}, {"Sea Lane", 190}, {"Lighthouse", 140}}

func clock(minutes int) string {
	two := func(n int) string {
		if n < 10 {
			return "0" + strconv.Itoa(n)
		}
		return strconv.Itoa(n)
	}
	return two(minutes/60) + ":" + two(minutes%60)
}

func times(first int) string {
	line := ""
	for at := first; at < day; at += period {
		line += " " + clock(at)
	}
	return line
}

func pad(text string, width int) string {
	for len(text) < width {
		text += " "
	}
	return text
}

func main() {
	for _, p := range places {
		high, low := times(p.first), times(p.first+period/2)
		os.Stdout.WriteString(pad(p.name, 12) + "high" + high + "   low" + low + "\n")
	}
}
