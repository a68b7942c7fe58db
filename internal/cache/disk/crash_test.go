package disk

const childVariable = "FISHPLATE_DISK_CHILD"

func crashChild() {}
