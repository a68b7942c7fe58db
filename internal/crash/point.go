package crash

// Point is a step of a change at which the process can be ended.
type Point string

// The points of a change, in the order in which it comes by them.
const (
	Plan      Point = "plan"      // it is this change's turn
	Prepare   Point = "prepare"   // planned, nothing is prepared
	Preparing Point = "preparing" // a part is prepared, others are not
	Prepared  Point = "prepared"  // all parts are
	Aborting  Point = "aborting"  // a preparation that failed is undone half-way
	Written   Point = "written"   // the journal's file is written aside, not yet on disk
	Synced    Point = "synced"    // on disk, under its name for the time of writing
	Renamed   Point = "renamed"   // under its own name, which may not be on disk
	Recorded  Point = "recorded"  // the journal has it, requests do not meet it
	Commit    Point = "commit"    // a part of the commit is done
	Committed Point = "committed" // requests meet it
	Drain     Point = "drain"     // what it replaced is being let go
	Settle    Point = "settle"    // rolled back, but the change that waited is still said to wait
	Confirm   Point = "confirm"   // confirmed, and that is not written yet
	Resume    Point = "resume"    // at a start: the last change was read
	Shelving  Point = "shelving"  // a tenant's program is written aside, not yet on disk
	Shelved   Point = "shelved"   // on disk, and no change names it
)

// The points of an upgrade: first those of the process that leaves, then those of
// its successor, which comes by the points of a change too.
const (
	Held      Point = "held"      // changes are kept away, no successor is started
	Started   Point = "started"   // the successor runs, and has nothing
	Handing   Point = "handing"   // it has the sockets, and does not know what they are
	Handed    Point = "handed"    // it has everything
	Ready     Point = "ready"     // it said that it is prepared
	Leaving   Point = "leaving"   // one listener accepts no more, others do
	LetGo     Point = "let-go"    // nobody accepts
	Told      Point = "told"      // the successor was told to begin
	Succeeded Point = "succeeded" // it serves, and this process has not acted on that
	Left      Point = "left"      // this process finishes what it has

	Born      Point = "born"      // the successor has read nothing
	Endowed   Point = "endowed"   // it has everything, and prepared nothing
	Tested    Point = "tested"    // it passed its test, and did not say so
	Said      Point = "said"      // it said so, and waits
	Begin     Point = "begin"     // it was told to begin
	Regained  Point = "regained"  // it has the disks, and accepts nothing
	Accepting Point = "accepting" // it accepts, and did not say so
	Serving   Point = "serving"   // it said so
)

// Leavers returns the points of the process that leaves.
func Leavers() []Point {
	return []Point{Held, Started, Handing, Handed, Ready, Leaving, LetGo, Told, Succeeded, Left}
}

// Comers returns those of its successor.
func Comers() []Point {
	return []Point{Born, Endowed, Prepare, Preparing, Prepared, Recorded, Commit, Committed, Tested, Said, Begin, Regained, Accepting, Serving}
}

// Points returns those of a change.
func Points() []Point {
	return []Point{Plan, Prepare, Preparing, Prepared, Aborting, Written, Synced, Renamed, Recorded, Commit, Committed, Drain, Settle, Confirm, Resume, Shelving, Shelved}
}
