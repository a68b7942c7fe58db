package harness

import (
	"net/http"

	"github.com/coder/websocket"
)

// Echo is an http.HandlerFunc that sends every WebSocket message back, until the
// client leaves.
func Echo(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		kind, data, err := c.Read(r.Context())
		if err != nil || c.Write(r.Context(), kind, data) != nil {
			return
		}
	}
}
