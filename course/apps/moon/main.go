// Moon says what the moon looks like on the evening of a day, here or elsewhere: moon 2026-07-24 Asia/Tokyo
package main

import (
	"fmt"
	"os"
	"time"
)

func main() {
	day, place := time.Now().Format(time.DateOnly), "UTC"
	if len(os.Args) > 1 {
		day = os.Args[1]
	}
	if len(os.Args) > 2 {
		place = os.Args[2]
	}
	where, err := time.LoadLocation(place)
	if err == nil {
		var at time.Time
		if at, err = time.ParseInLocation(time.DateOnly, day, where); err == nil {
			fmt.Printf("%s, %s: %s\n", day, place, Phase(at.Add(20*time.Hour)))
			return
		}
	}
	fmt.Fprintln(os.Stderr, "moon:", err)
	os.Exit(1)
}
