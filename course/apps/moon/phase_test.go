package main

import (
	"testing"
	"time"
)

func TestPhase(t *testing.T) {
	for day, want := range map[string]string{
		"1999-08-11": "new moon", // the eclipse over Europe
		"2000-01-06": "new moon",
		"2000-01-14": "first quarter",
		"2000-01-21": "full moon",
		"2000-01-28": "last quarter",
		"2024-04-08": "new moon", // the eclipse over North America
		"2024-04-12": "waxing crescent",
	} {
		at, err := time.Parse(time.DateOnly, day)
		if err != nil {
			t.Fatal(err)
		}
		if got := Phase(at.Add(18 * time.Hour)); got != want {
			t.Errorf("%s: got %q, want %q", day, got, want)
		}
	}
}
