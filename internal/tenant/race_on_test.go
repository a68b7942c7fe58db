//go:build race

package tenant

// raceEnabled says that everything takes many times as long.
const raceEnabled = true
