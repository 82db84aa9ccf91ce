package main

import (
	"math"
	"time"
)

// month is the mean time from new moon to new moon.
const month = 29.530588 * 24 * float64(time.Hour)

// newMoon is one that is well known: 6 January 2000, 18:14 UTC.
var newMoon = time.Date(2000, 1, 6, 18, 14, 0, 0, time.UTC)

var names = []string{
	"new moon", "waxing crescent", "first quarter", "waxing gibbous",
	"full moon", "waning gibbous", "last quarter", "waning crescent",
}

// Phase names the moon's phase at an instant. Each of the eight lasts an eighth of the month around its middle.
func Phase(at time.Time) string {
	turn := math.Mod(float64(at.Sub(newMoon))/month, 1)
	return names[int(math.Floor(turn*8+8.5))%8]
}
