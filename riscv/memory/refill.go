package memory

// refillPlainly makes page as data is by copying all of it.
func refillPlainly(page, data *[PageSize]byte) { copy(page[:], data[:]) }
