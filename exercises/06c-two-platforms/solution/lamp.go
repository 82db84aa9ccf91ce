// Says that the lamp is lit, and on what kind of machine.
package main

import (
	"os"
	"runtime"
)

func main() {
	os.Stdout.WriteString("The lamp at Sea Lane is lit (" + runtime.GOARCH + ")\n")
}
