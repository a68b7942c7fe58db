// Package crash ends the process at a named point of a change to what runs, as a
// kill or a loss of power would, so that tests see what is left behind. It is
// compiled in by -tags crashpoints and costs nothing otherwise. The file that the
// environment names as FISHPLATE_CRASH holds the point; it is read at each point,
// so that a process may be armed after it has started.
package crash
