package crash

// Point is a step of a change at which the process can be ended.
type Point string

// The points, in the order in which a change comes by them.
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
)

// Points returns all of them.
func Points() []Point {
	return []Point{Plan, Prepare, Preparing, Prepared, Aborting, Written, Synced, Renamed, Recorded, Commit, Committed, Drain, Settle, Confirm, Resume}
}
