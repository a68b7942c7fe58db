// Package pulse watches the process that serves and its machine, from within: once a
// second after the start and then every minute it asks the doctor's light checks,
// logs a verdict that changed, and answers what the status and the metrics tell of
// them and of the queues before accept. Who asks for these hears of what was lost
// until a second ago.
//
// One goroutine, Run, looks; it forks nothing, dumps no table of sockets, and a
// failure of it is a line in the log. The rest may be called by many. It judges
// nothing by itself, and the listeners stay their owner's.
package pulse
