package trouble

// guestDir is where the committed programs lie, below the module root.
const guestDir = "test/guests"
